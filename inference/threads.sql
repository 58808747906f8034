-- name: read
select summary, last_question from threads
where key = %(key)s and updated_at > now() - %(expires)s::interval

-- name: write
insert into threads (key, summary, last_question) values (%(key)s, %(summary)s, %(last_question)s)
on conflict (key) do update set
    summary = excluded.summary, last_question = excluded.last_question, updated_at = now(),
    turns = threads.turns + 1

-- name: forget
delete from threads where key = %(key)s
