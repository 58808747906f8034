-- name: load
select access_token, refresh_token, issued_at, expires_at from oauth_tokens
where grant_key = %(key)s and access_token is not null

-- name: add
insert into oauth_tokens (grant_key) values (%(key)s) on conflict do nothing

-- name: lock
select access_token, refresh_token, issued_at, expires_at from oauth_tokens where grant_key = %(key)s for update

-- name: save
update oauth_tokens
set access_token = %(access_token)s, refresh_token = %(refresh_token)s,
    issued_at = %(issued_at)s, expires_at = %(expires_at)s, stored_at = now()
where grant_key = %(key)s

-- A refresh token that nobody used for 90 days is dead.
-- name: forget
delete from oauth_tokens where stored_at < now() - interval '100 days'
