-- name: read
-- Whoever reads along now has to satisfy the rules that what the summary was made of had then, and may read all of it as
-- it is now; null e-mails are the operator.
select summary, last_question, rule_ids, chunk_ids from threads
where key = %(key)s and updated_at > now() - %(expires)s::interval and chunks_at = updated_at
  and (%(emails)s::text[] is null or rule_ids <@ (select satisfied_rules(%(emails)s::text[])))
  and not exists (
      select from unnest(chunk_ids) as made_of(id)
      where not exists (
          select from chunks c join documents d on d.id = c.document_id
          where c.id = made_of.id
            and readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))))

-- name: write
insert into threads (key, summary, last_question, rule_ids, chunk_ids, chunks_at, updated_at)
values (%(key)s, %(summary)s, %(last_question)s, %(rule_ids)s, %(chunk_ids)s, now(), now())
on conflict (key) do update set
    summary = excluded.summary, last_question = excluded.last_question, rule_ids = excluded.rule_ids,
    chunk_ids = excluded.chunk_ids, chunks_at = excluded.chunks_at, updated_at = excluded.updated_at

-- name: purge
delete from threads where updated_at < now() - %(expires)s::interval
