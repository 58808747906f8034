-- name: upsert_rule
insert into access_rules (source, name, principals)
values (%(source)s, %(name)s, %(principals)s)
on conflict (source, name) do update set principals = excluded.principals
returning id

-- name: stored_rule
select id, principals from access_rules where source = %(source)s and name = %(name)s

-- name: rule_names
-- Also of those that nothing has yet: a document that brings one without principals takes it as it is stored. In any
-- order: a pass that is broken off is not always broken off before the same ones.
select name from access_rules where source = %(source)s order by random()

-- name: delete_orphans
delete from access_rules r
where r.source = %(source)s
  and not exists (select from documents d where d.rule_ids @> array[r.id])
  and not exists (select from chunks c where c.rule_ids <> '{}' and c.rule_ids @> array[r.id])
