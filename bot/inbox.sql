-- name: store
insert into inbox (team, channel, ts, thread_ts, event_id, user_id, text)
values (%(team)s, %(channel)s, %(ts)s, %(thread_ts)s, %(event_id)s, %(user)s, %(text)s)
on conflict (team, channel, ts) do nothing

-- name: claim
-- The oldest message that waits, or whose lease is over, and before which nothing of its thread is open.
update inbox
set state = 'working', attempts = attempts + 1, claims = claims + 1,
    lease_until = now() + make_interval(secs => %(lease)s)
where id = (
    select candidate.id
    from inbox candidate
    where (candidate.state = 'new' or (candidate.state = 'working' and candidate.lease_until < now()))
      and not exists (
          select from inbox earlier
          where earlier.team = candidate.team
            and earlier.channel = candidate.channel
            and earlier.thread_ts = candidate.thread_ts
            and earlier.ts < candidate.ts
            and earlier.state in ('new', 'working'))
    order by candidate.id
    limit 1
    for update skip locked)
returning id, team, channel, ts, thread_ts, user_id as "user", text, attempts, claims, posted, reply,
          reply_readers, extract(epoch from now() - replied_at)::float as reply_age

-- Those that follow are for the process that claimed the message last: others change nothing.

-- name: renew
update inbox set lease_until = now() + make_interval(secs => %(lease)s)
where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: post
update inbox set posted = %(posted)s where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: reply
update inbox set reply = %(reply)s, reply_readers = %(readers)s, replied_at = now(), reference = %(reference)s
where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: finish
update inbox
set state = case when reference is null then 'answered' else 'failed' end,
    lease_until = null, reply = null, reply_readers = null, finished_at = now()
where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: drop
update inbox
set state = 'failed', reference = %(reference)s, lease_until = null, reply = null, reply_readers = null,
    finished_at = now()
where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: retry
-- Stays claimed, so that the thread's later messages go on waiting for it.
update inbox set lease_until = now() + make_interval(secs => %(seconds)s)
where id = %(id)s and claims = %(claims)s and state = 'working'

-- name: release
update inbox set state = 'new', attempts = attempts - 1, lease_until = null
where (id, claims) in (select * from unnest(%(ids)s::bigint[], %(claims)s::int[])) and state = 'working'

-- name: posted
select posted from inbox where id = %(id)s

-- name: joined
select exists (
    select from inbox where team = %(team)s and channel = %(channel)s and thread_ts = %(thread_ts)s)

-- name: open
select count(*) from inbox where state in ('new', 'working')

-- name: purge
delete from inbox where finished_at < now() - make_interval(days => %(days)s)
