-- name: read
-- Whoever reads along now has to satisfy the rules of what the summary was made of; null e-mails are the operator.
select summary, last_question, rule_ids from threads
where key = %(key)s and updated_at > now() - %(expires)s::interval
  and (%(emails)s::text[] is null or rule_ids <@ satisfied_rules(%(emails)s::text[]))

-- name: write
insert into threads (key, summary, last_question, rule_ids)
values (%(key)s, %(summary)s, %(last_question)s, %(rule_ids)s)
on conflict (key) do update set
    summary = excluded.summary, last_question = excluded.last_question, rule_ids = excluded.rule_ids,
    updated_at = now()

-- name: purge
delete from threads where updated_at < now() - %(expires)s::interval
