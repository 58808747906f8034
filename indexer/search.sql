-- Every statement that returns documents holds the permission filter itself: the reader must satisfy all rules of
-- a document and of the chunk itself, and a document without rules is readable by nobody (`readable` in
-- lorebot/migrations/0004_reading_list.sql). Null e-mails are the operator, who is not asked.

-- name: keyword_hits
-- Exact BM25 over the postings; a ticket that the question names by its key comes first.
with query as materialized (
    select unnest(tsvector_to_array(to_tsvector('english', %(question)s))) as lexeme
    union
    select unnest(%(identifiers)s::text[])
), size as materialized (
    select count(*)::real as n from chunks
), weighted as materialized (
    select t.id, ln(1 + (size.n - df.n + 0.5) / (df.n + 0.5))::real as idf
    from query join terms t using (lexeme), size,
         lateral (select count(*)::real as n from postings p where p.term_id = t.id) as df
    where df.n > 0
), scored as materialized (
    select p.chunk_id, sum(p.weight * w.idf) as score
    from weighted w join postings p on p.term_id = w.id
    group by p.chunk_id
)
select s.chunk_id, s.score, d.external_id = any(%(keys)s::text[]) as named
from scored s join chunks c on c.id = s.chunk_id join documents d on d.id = c.document_id
where readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))
  and (%(sources)s::text[] is null or d.source = any(%(sources)s::text[]))
order by named desc, s.score desc, s.chunk_id
limit %(limit)s

-- name: many_vectors
select count(*) > %(threshold)s
from (select from embeddings where model_id = %(model_id)s limit %(threshold)s + 1) as found

-- name: nearest_exact
-- The cast to a length that the index has is left out on purpose, so that the index is not used.
select e.chunk_id, 1 - (e.embedding <=> %(vector)s::halfvec) as similarity
from embeddings e join chunks c on c.id = e.chunk_id join documents d on d.id = c.document_id
where e.model_id = %(model_id)s
  and readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))
  and (%(sources)s::text[] is null or d.source = any(%(sources)s::text[]))
order by e.embedding <=> %(vector)s::halfvec
limit %(limit)s

-- name: nearest_indexed
select e.chunk_id, 1 - (e.embedding::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions})) as similarity
from embeddings e join chunks c on c.id = e.chunk_id join documents d on d.id = c.document_id
where e.model_id = %(model_id)s
  and readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))
  and (%(sources)s::text[] is null or d.source = any(%(sources)s::text[]))
order by e.embedding::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions})
limit %(limit)s

-- name: similarities
select e.chunk_id, 1 - (e.embedding <=> %(vector)s::halfvec) as similarity
from embeddings e where e.model_id = %(model_id)s and e.chunk_id = any(%(ids)s)

-- name: hits
select c.id as chunk_id, d.id as document_id, d.source, d.external_id, d.title, c.url, d.url as document_url,
       c.kind, d.kind as document_kind, d.place, c.heading, c.text, coalesce(c.author, d.author) as author, c.anchors,
       d.updated, c.created, d.status,
       -- Of a document that nobody may read, the rule that nobody satisfies.
       case when cardinality(d.rule_ids) = 0 then array[0::bigint] else d.rule_ids || c.rule_ids end as rule_ids
from chunks c join documents d on d.id = c.document_id
where c.id = any(%(ids)s)
  and readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))

-- name: widen_search
-- pgvector's defaults stop too early under a filter (docs/search.md).
select set_config('hnsw.ef_search', '200', true), set_config('hnsw.iterative_scan', 'strict_order', true),
       set_config('hnsw.max_scan_tuples', '100000', true)
