-- The newest tokens of each OAuth grant, for all processes: a refresh token can be spent once.

create table oauth_tokens (
    -- SHA-256 of token endpoint, client id and the refresh token in the configuration.
    grant_key text primary key,
    -- Null until the first renewal.
    access_token text,
    refresh_token text,
    issued_at timestamptz,
    expires_at timestamptz,
    stored_at timestamptz not null default now()
);
