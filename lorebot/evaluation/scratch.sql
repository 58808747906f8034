-- name: schemas
-- Those that this role may drop.
select nspname from pg_namespace where nspname ~ '^lorebot_eval_[0-9a-f]{8}$' and pg_has_role(nspowner, 'usage')

-- name: lock
select pg_try_advisory_lock(hashtextextended('lorebot-schema:' || %(name)s, 0))

-- name: unlock
select pg_advisory_unlock(hashtextextended('lorebot-schema:' || %(name)s, 0))
