-- The keyword index: writing the words of chunks, and its statistics.

-- name: prepare
-- Another language or other rules: everything is indexed anew, step by step.
update word_index set language = coalesce(%(language)s, language), rules = %(rules)s, version = version + 1
where (language, rules) is distinct from (coalesce(%(language)s, language), %(rules)s)

-- name: language_exists
select exists (select from pg_ts_config where cfgname = %(language)s and pg_ts_config_is_visible(oid))

-- name: languages
select cfgname from pg_ts_config where pg_ts_config_is_visible(oid) order by 1

-- name: begin_writing
-- The lock is held by every transaction that writes words, so that no term is deleted while it is about to be used.
select language, version, pg_advisory_xact_lock_shared(%(lock)s) from word_index

-- name: fields
select c.id, c.kind, c.heading, c.text, d.title, case when d.kind = 'ticket' then d.external_id end as key
from chunks c join documents d on d.id = c.document_id
where c.id = any(%(ids)s)

-- name: delete_postings
delete from postings where chunk_id = any(%(ids)s)

-- name: insert_words
-- Adds the terms that are new, in order, so that two refreshes that add the same ones wait for each other and never
-- deadlock. Returns how many words have no posting yet, because another process has added their terms meanwhile: the
-- next statement sees them.
with occurrences as (
    select field.chunk_id, word.lexeme, field.weight * coalesce(cardinality(word.positions), 1) as frequency
    from unnest(%(text_chunks)s::bigint[], %(text_weights)s::real[], %(texts)s::text[])
             as field(chunk_id, weight, text),
         unnest(to_tsvector(%(language)s::regconfig, field.text)) as word
    union all
    select * from unnest(%(identifier_chunks)s::bigint[], %(identifiers)s::text[], %(identifier_frequencies)s::real[])
), frequencies as (
    select chunk_id, lexeme, sum(frequency) as frequency, sum(sum(frequency)) over (partition by chunk_id) as length
    from occurrences group by chunk_id, lexeme
), words as materialized (
    select f.*, t.id as term_id from frequencies f left join terms t using (lexeme)
), added as (
    insert into terms (lexeme) select distinct lexeme from words where term_id is null order by lexeme
    on conflict do nothing
    returning id, lexeme
), written as (
    insert into postings (term_id, chunk_id, frequency, length)
    select term_id, chunk_id, frequency, length from words where term_id is not null
    union all
    select a.id, w.chunk_id, w.frequency, w.length from words w join added a using (lexeme) where w.term_id is null
), indexed as (
    update chunks set words = %(version)s where id = any(%(ids)s) and words <> %(version)s
)
select count(*) from words w where term_id is null and not exists (select from added a where a.lexeme = w.lexeme)

-- name: outdated
select c.id from chunks c where c.words < (select version from word_index) order by c.words, c.id limit %(limit)s
for no key update skip locked

-- name: drift
-- How many chunks were added, removed, or are read by others than at the last true-up, and how many there were then.
with present as (
    select c.rule_set_id, count(*) as chunks, count(*) filter (where c.id > i.last_chunk_id) as added
    from chunks c, word_index i group by c.rule_set_id
)
select greatest(sum(coalesce(p.added, 0)) + i.chunks - sum(coalesce(p.chunks - p.added, 0)),
                sum(abs(coalesce(p.chunks, 0) - coalesce(w.chunks, 0)))), i.chunks
from word_index i
left join (present p full join rule_set_words w using (rule_set_id)) on true
group by i.chunks

-- name: grown
-- By their ids, which are given in order.
select coalesce((select max(id) from chunks), 0) - last_chunk_id >= greatest(chunks, %(least)s) from word_index

-- name: count_words
create temporary table counted on commit drop as
select p.term_id, c.rule_set_id, count(*) as chunks, sum(p.frequency::double precision) as length
from postings p join chunks c on c.id = p.chunk_id
where c.rule_set_id is not null
group by p.term_id, c.rule_set_id

-- name: count_chunks
create temporary table counted_chunks on commit drop as
select c.rule_set_id, count(*) as chunks, max(c.id) as last_chunk_id, array_agg(distinct d.source) as sources
from chunks c join documents d on d.id = c.document_id
where c.rule_set_id is not null
group by c.rule_set_id

-- name: true_up_terms
with frequent as (
    select term_id, sum(chunks) as chunks from counted group by term_id having sum(chunks) > %(rare)s
)
update terms t set chunks = coalesce(f.chunks, 0)
from terms old left join frequent f on f.term_id = old.id
where old.id = t.id and t.chunks <> coalesce(f.chunks, 0)

-- name: forget_term_rule_sets
delete from term_rule_sets s
where not exists (
    select from counted c join terms t on t.id = c.term_id
    where t.chunks > 0 and c.term_id = s.term_id and c.rule_set_id = s.rule_set_id)

-- name: true_up_term_rule_sets
insert into term_rule_sets as s (term_id, rule_set_id, chunks)
select c.term_id, c.rule_set_id, c.chunks from counted c join terms t on t.id = c.term_id where t.chunks > 0
on conflict (term_id, rule_set_id) do update set chunks = excluded.chunks where s.chunks <> excluded.chunks

-- name: forget_rule_sets
delete from rule_set_words w where not exists (select from counted_chunks c where c.rule_set_id = w.rule_set_id)

-- name: true_up_rule_sets
insert into rule_set_words (rule_set_id, chunks, length, sources)
select c.rule_set_id, c.chunks, coalesce(w.length, 0), c.sources
from counted_chunks c
left join (select rule_set_id, sum(length) as length from counted group by rule_set_id) w using (rule_set_id)
on conflict (rule_set_id) do update set chunks = excluded.chunks, length = excluded.length, sources = excluded.sources

-- name: trued_up
update word_index set trued_up_at = now(),
    (chunks, last_chunk_id) = (select coalesce(sum(chunks), 0), coalesce(max(last_chunk_id), 0) from counted_chunks)

-- name: unused_terms
select t.id from terms t where not exists (select from postings p where p.term_id = t.id)

-- name: delete_unused_terms
-- Asked again: a document may have taken it up meanwhile.
delete from terms t where t.id = any(%(ids)s) and not exists (select from postings p where p.term_id = t.id)
