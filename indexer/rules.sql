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

-- name: unused_sets
-- Those that somebody is just about to use are locked, and left for another time.
select s.id from rule_sets s
where s.rule_ids <> '{0}'
  and not exists (select from documents d where d.rule_set_id = s.id)
  and not exists (select from chunks c where c.rule_set_id = s.id)
for update skip locked

-- name: delete_unused_sets
-- Looked at again, now that nobody can use one any more: somebody may have, between the look and the lock.
delete from rule_sets s
where s.id = any(%(ids)s)
  and not exists (select from documents d where d.rule_set_id = s.id)
  and not exists (select from chunks c where c.rule_set_id = s.id)
