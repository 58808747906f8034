-- The bot's durable inbox and the audit log of what admins did.

create table inbox (
    id bigint generated always as identity primary key,
    team text not null,
    channel text not null,
    -- Slack's id of the message; the same message may arrive several times and as several kinds of event.
    ts text not null,
    -- The thread that the answer goes to: the message's own ts when it starts one.
    thread_ts text not null,
    event_id text not null,
    user_id text not null,
    text text not null,
    state text not null default 'new' check (state in ('new', 'working', 'answered', 'failed')),
    attempts int not null default 0,
    -- How often it was claimed, attempts that did not count included. Only whoever claimed it last may write to it.
    claims int not null default 0,
    -- While working: somebody else may take the message after this.
    lease_until timestamptz,
    -- The messages of ours in the thread that belong to this one, first the placeholder: they are edited, never doubled.
    posted text[] not null default '{}',
    -- What is to be delivered; kept so that a crash while delivering does not ask the model again.
    reply jsonb,
    -- A digest of the people whom the reply was made for, and when; without one it suits everybody.
    reply_readers text,
    replied_at timestamptz,
    -- What the person was shown and the log holds, when something went wrong.
    reference text,
    received_at timestamptz not null default now(),
    finished_at timestamptz,
    unique (team, channel, ts)
);
create index inbox_open on inbox (id) where state in ('new', 'working');
create index inbox_thread on inbox (team, channel, thread_ts);

create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    -- Slack user id.
    actor text not null,
    action text not null,
    allowed boolean not null,
    details jsonb not null default '{}'
);
create index audit_log_at on audit_log (at);
