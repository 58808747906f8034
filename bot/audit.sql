-- name: record
insert into audit_log (actor, action, allowed, details)
values (%(actor)s, %(action)s, %(allowed)s, %(details)s)
