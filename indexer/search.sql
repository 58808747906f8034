-- name: search
-- One statement: both rankings, what the audience may read, the fusion and the hits (docs/search.md). Which way each
-- ranking takes is decided inside, by how much the audience may read; `(x in (select …)) is true` keeps the planner from
-- making a join of a filter, and `(select …)` in a where clause is looked at once, before anything is read.
-- What decides the planner's choice and is the same from one search to the next stands here as a literal: it is planned
-- once a connection, for whatever is asked.
with visible as materialized (
    -- The sets of rules that the audience satisfies, with how much has them as of the last true-up (indexer/terms.py).
    select s.id, coalesce(w.chunks, 0) as chunks, coalesce(w.length, 0) as length
    from unnest(readable_sets(%(emails)s::text[])) as s(id) left join rule_set_words w on w.rule_set_id = s.id
    where %(sources)s::text[] is null
       or coalesce(w.sources, array(select d.source from chunks c join documents d on d.id = c.document_id
                                    where c.rule_set_id = s.id limit 1)) && %(sources)s::text[]
       -- That of nobody is the only one that sources share.
       or s.id = (select id from rule_sets where rule_ids = '{{0}}')
), figures as materialized (
    -- As of the last true-up; and up to how many visible chunks the keyword ranking is served from these alone.
    select coalesce(sum(v.chunks), 0)::float8 as known, coalesce(sum(v.length), 0)::float8 as length, i.chunks as indexed,
           i.last_chunk_id, least({hash_up_to}, greatest({few_up_to}, i.chunks / 5)) as few
    from word_index i left join visible v on true group by i.chunks, i.last_chunk_id
), mine as materialized (
    -- The visible chunks where they are few, or one more than that.
    select c.id from visible v, lateral (select id from chunks where rule_set_id = v.id offset 0) as c
    where (select known <= few from figures) limit (select few + 1 from figures)
), added as (
    select count(*) as chunks, coalesce(sum(length), 0) as length
    from (select id from mine where id > (select last_chunk_id from figures) order by id desc limit {few_up_to}) as m
    left join lateral (select length from postings where chunk_id = m.id limit 1) as p on true
), size as materialized (
    -- Few are counted as they are, their length too; for many, the figures are about a share of everything.
    select f.*, known <= few and c.chunks <= few as few_chunks, c.ids,
           case when known <= few and c.chunks <= few then c.chunks when known > {few_up_to} then known else (
               select count(*) from (select from visible v join chunks c on c.rule_set_id = v.id
                                     limit {exact_up_to} + 1) as readable) end::float8 as chunks,
           coalesce(nullif(f.length + a.length, 0) / nullif(f.known + a.chunks, 0), %(average_length)s)::float8
               as average_length,
           -- Of the reader's own chunks, few have changed since.
           c.added + abs(f.known - (c.chunks - c.added)) <= %(drift)s * f.known as as_known
    from figures f, added a, (
        select array_agg(id order by id) as ids, count(*) as chunks, count(*) filter (where id > last_chunk_id) as added
        from mine, figures) as c
), plan as materialized (
    -- The HNSW index visits the more the fewer of the vectors are visible; an exact scan does not.
    select chunks, average_length, few_chunks, as_known,
           chunks <= greatest({exact_up_to}, sqrt(%(exact_factor)s * indexed)) as few_vectors
    from size
), effort as materialized (
    select set_config('hnsw.ef_search', {ef_search}::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
           set_config('hnsw.max_scan_tuples', '200000', true)
), asked as materialized (
    -- The question's terms that the audience's chunks have, with how many of these have each: as of the last true-up where
    -- that is not few, else as it is.
    select t.id, case when plan.few_chunks then df.chunks else greatest(t.chunks, df.chunks) end as cost,
           ln(1 + (greatest(plan.chunks - df.chunks, 0) + 0.5) / (df.chunks + 0.5))::float8 as idf
    from (
        select unnest(tsvector_to_array(to_tsvector(i.language::regconfig, %(words)s))) as lexeme from word_index i
        union
        select unnest(%(identifiers)s::text[])
    ) as query
    join terms t using (lexeme), plan, lateral (
        select case
            when known.chunks > %(rare)s and (plan.as_known or not plan.few_chunks) then known.chunks
            when plan.few_chunks then (
                select count(*) from postings where term_id = t.id and chunk_id = any ((select ids from size)::bigint[]))
            else (
                -- A word that is new and in more than are looked at is taken for one that the audience has.
                select greatest(known.chunks, count(c.id), case when t.chunks = 0 and count(*) = 1000 then 1 else 0 end)
                from (select chunk_id from postings where term_id = t.id order by chunk_id desc limit 1000) as p
                left join chunks c on c.id = p.chunk_id and (c.rule_set_id in (select id from visible)) is true
            ) end as chunks
        from (select coalesce(sum(s.chunks), 0)::float8 as chunks from term_rule_sets s
              where s.term_id = t.id and (s.rule_set_id in (select id from visible)) is true) as known
        offset 0  -- so that it is counted once, and not wherever it is used
    ) as df
    where df.chunks > 0
    order by idf desc, t.id
    limit 64
), chosen as materialized (
    -- The rarest terms find the candidates, as far as their postings are few enough; the others only count for these.
    -- With BM25's constant parts: a posting gives weight * f / (f + fixed + by_length * length).
    select id, row_number() over rarest = 1 or sum(cost) over rarest <= {postings_up_to} as finds,
           idf * (%(k1)s + 1) as weight, (%(k1)s * (1 - %(b)s))::float8 as fixed,
           (%(k1)s * %(b)s / plan.average_length)::float8 as by_length
    from asked, plan window rarest as (order by cost, id)
), found as (
    select p.chunk_id, sum(t.weight * p.frequency / (p.frequency + t.fixed + t.by_length * p.length)) as bm25
    from chosen t, lateral (
        select chunk_id, frequency, length from postings
        where (select few_chunks from plan) and term_id = t.id and chunk_id = any ((select ids from size)::bigint[])
        union all (
            select chunk_id, frequency, length from postings
            where (select not few_chunks from plan) and term_id = t.id limit 4 * {postings_up_to})
    ) as p
    where t.finds and {strategy} <> 'vector'
    group by p.chunk_id
), keyword as materialized (
    -- Who may read much is asked from the best on, until there are enough.
    select chunk_id from (select chunk_id from found order by bm25 desc, chunk_id) as best
    where (select few_chunks from plan) or ((
        select c.rule_set_id from chunks c where c.id = best.chunk_id) in (select id from visible)) is true
    limit {candidates} * case when (select bool_and(finds) from chosen) then 1 else 2 end
), near as materialized (
    (
        -- The cast to a length that the index has is left out on purpose, so that the index is not used.
        select e.chunk_id from visible v, lateral (
            select chunk_id, embedding <=> %(vector)s::halfvec as distance from embeddings
            where model_id = {model_id} and rule_set_id = v.id offset 0) as e
        where (select few_vectors from plan) and {strategy} <> 'keyword'
        order by e.distance limit {candidates}
    ) union all (
        select chunk_id from embeddings
        where (select not few_vectors and (select true from effort) from plan) and {strategy} <> 'keyword'
          and model_id = {model_id} and (rule_set_id in (select id from visible)) is true
        order by embedding::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions}) limit {candidates}
    )
), phrases as materialized (
    -- What is quoted, with its terms, the rarest first; one that has a word that nothing has is nowhere.
    select upper(phrase) as phrase,
           coalesce(array_agg(t.id order by t.chunks, t.id) filter (where t.id is not null), '{{}}') as terms
    from word_index i, unnest(%(phrases)s::text[], %(phrase_words)s::text[]) as quoted(phrase, words)
    left join lateral unnest(tsvector_to_array(to_tsvector(i.language::regconfig, words))) as lexeme on true
    left join terms t using (lexeme)
    group by phrase having bool_and(lexeme is null or t.id is not null)
), quoting as materialized (
    select c.id as chunk_id
    from phrases, lateral (
        select p.chunk_id from (
            select chunk_id from postings
            where (select few_chunks from plan) and term_id = terms[1] and chunk_id = any ((select ids from size)::bigint[])
            union all (
                select chunk_id from postings
                where (select not few_chunks from plan) and term_id = terms[1] limit {postings_up_to})
            union all
            -- A phrase of stop words is looked for in a few texts.
            select unnest(ids) from size where few_chunks and chunks <= {few_up_to} and terms = '{{}}'
        ) as p
        where not exists (select from unnest(terms[2:]) as term(id) where not exists (
            select from postings o where o.term_id = term.id and o.chunk_id = p.chunk_id))
    ) as p join chunks c on c.id = p.chunk_id
    where (c.rule_set_id in (select id from visible)) is true
      and position(phrase in upper(regexp_replace(regexp_replace(
            c.context || ' ' || c.text, '\]\([^)\s]*\)|[][*_`~\\]', '', 'g'), '[\s\u00a0\u2000-\u200b\u202f\u3000]+', ' ', 'g'))) > 0
    limit {candidates}
), named as materialized (
    select c.id as chunk_id from documents d join chunks c on c.document_id = d.id
    where d.external_id = any(%(keys)s::text[]) and (c.rule_set_id in (select id from visible)) is true
    limit {candidates}
), candidates as materialized (
    -- The filter on base data again, whatever the sets of rules say.
    select c.id, c.document_id, c.kind, d.kind as document_kind, d.status, d.updated, md5(c.text) as text,
           d.external_id = any(%(keys)s::text[]) as named,
           (select count(*) from unnest(%(phrases)s::text[]) as phrase
            where position(upper(phrase) in upper(regexp_replace(regexp_replace(
            c.context || ' ' || c.text, '\]\([^)\s]*\)|[][*_`~\\]', '', 'g'), '[\s\u00a0\u2000-\u200b\u202f\u3000]+', ' ', 'g'))) > 0) as quoted,
           -- Few terms are looked up one by one, which reads the index alone; many cost more than all of a chunk's postings.
           coalesce(case when (select count(*) from chosen) <= 16 then (
               select sum(t.weight * p.frequency / (p.frequency + t.fixed + t.by_length * p.length))
               from chosen t, lateral (select frequency, length from postings
                                       where term_id = t.id and chunk_id = c.id offset 0) as p
           ) else (
               select sum(t.weight * p.frequency / (p.frequency + t.fixed + t.by_length * p.length))
               from chosen t join postings p on p.term_id = t.id and p.chunk_id = c.id
           ) end, 0) as bm25,
           (select 1 - (e.embedding <=> %(vector)s::halfvec) from embeddings e
            where e.model_id = {model_id} and e.chunk_id = c.id) as cosine
    from (select chunk_id from keyword union select chunk_id from near
          union select chunk_id from quoting union select chunk_id from named) as id
    join chunks c on c.id = id.chunk_id join documents d on d.id = c.document_id
    where readable(d.rule_ids, c.rule_ids, %(emails)s::text[], (select satisfied_rules(%(emails)s::text[])))
      and (%(sources)s::text[] is null or d.source = any(%(sources)s::text[]))
), features as materialized (
    select *, bm25 / nullif(max(bm25) over (), 0) as best_bm25,
           -- Places in each ranking; null: not in it.
           case when bm25 > 0 then row_number() over (order by bm25 desc, id) end as keyword_place,
           case when cosine is not null then row_number() over (order by cosine desc nulls last, id) end as vector_place
    from candidates
), weighted as materialized (
    select *, %(cosine)s * coalesce(cosine, 0) + %(keyword)s * coalesce(best_bm25, 0) as own,
           %(cosine)s * coalesce(max(cosine) over document, 0) + %(keyword)s * coalesce(max(best_bm25) over document, 0)
               as of_document
    from features window document as (partition by document_id)
), judged as materialized (
    select w.*, case {strategy}
        when 'keyword' then bm25
        when 'vector' then cosine
        when 'seed' then case
            when keyword_place <= {seed_depth} and vector_place <= {seed_depth}
            then 1 + 1 / (60.0 + keyword_place) + 1 / (60.0 + vector_place)
            -- By turns, the vector ranking first.
            else 1 / (1.0 + least(case when vector_place <= {seed_depth} then 2 * vector_place - 1 end,
                                  case when keyword_place <= {seed_depth} then 2 * keyword_place end)) end
        when 'rrf' then coalesce(%(rrf_vector)s / (%(rrf_k)s + vector_place), 0)
                      + coalesce((1 - %(rrf_vector)s) / (%(rrf_k)s + keyword_place), 0)
        -- A document's best chunk has the document's score, the others as much less as they are worse than it.
        else own + of_document - max(own) over document end
      + case when {strategy} <> 'priors' then 0 else
            -- Beyond a thousand half-lives the number is too small for its type.
            %(freshness)s * coalesce(power(0.5::float8, least(1000, greatest(extract(epoch from now() - updated), 0)::float8
                / (86400 * greatest(%(half_life)s::float8, 0.001)))), 0)
          - case when w.document_kind = 'ticket' and (
                -- "Done · Fixed": a resolution follows the status where there is one.
                case when w.status like '%%·%%' then w.status ~* '·.*(duplicate|reproduce|incomplete)'
                     else w.status !~* '(done|closed|resolved|complete|fixed)' end) then %(unsolved)s else 0 end
          + case when w.kind = 'solution' then %(solution)s else 0 end
          -- Four opinions of one kind have half of the full effect.
          + coalesce(%(feedback)s * (f.helpful - f.unhelpful) / (4.0 + f.helpful + f.unhelpful), 0) end as score
    from weighted w left join document_feedback f using (document_id) window document as (partition by w.document_id)
), single as (
    -- Of texts that are the same, one, and of each document that is named.
    select *, row_number() over (partition by text order by named desc, quoted desc, score desc, id) as copy,
           row_number() over (partition by text, document_id order by score desc, id) as own_copy
    from judged where score is not null or named or quoted > 0
), spread as (
    select *, row_number() over (partition by document_id order by named desc, quoted desc, score desc, id) as nth
    from single where copy = 1 or (named and own_copy = 1)
), best as materialized (
    select * from spread where {per_document}::int is null or nth <= {per_document}
    order by named desc, quoted desc, score desc, id limit {limit}
), lacking as (
    -- Those that should have been compared by their vectors and have none.
    select array(select id from features where cosine is null and {strategy} not in ('keyword', 'vector')
                 order by named desc, quoted desc, bm25 desc, id limit {embed_up_to}) as lacking
)
select lacking, c.id as chunk_id, d.id as document_id, d.source, d.external_id, d.title, c.url, d.url as document_url,
       c.kind, d.kind as document_kind, d.place, c.heading, c.text, coalesce(c.author, d.author) as author, c.anchors,
       d.updated, c.created, d.status,
       -- Of a document that nobody may read, the rule that nobody satisfies.
       case when cardinality(d.rule_ids) = 0 then array[0::bigint] else d.rule_ids || c.rule_ids end as rule_ids,
       coalesce(best.score, 0)::float8 as score, best.cosine::float8 as similarity, best.bm25::float8 as keyword_score,
       best.named, best.quoted > 0 as quoted
from lacking left join (best join chunks c on c.id = best.id join documents d on d.id = c.document_id) on true
order by best.named desc, best.quoted desc, best.score desc, best.id
