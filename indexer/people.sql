-- name: stored
select email, principals from memberships where source = %(source)s

-- name: delete
delete from memberships where source = %(source)s and email = any(%(emails)s)

-- name: upsert
insert into memberships (source, email, principals) values (%(source)s, %(email)s, %(principals)s)
on conflict (source, email) do update set principals = excluded.principals
