-- Documents, chunks, keyword index, embeddings, access rules and the state of each source.

create extension if not exists vector with schema public;

create table sources (
    name text primary key,
    -- The newest change that is stored; the next incremental read starts here, less an overlap.
    watermark timestamptz,
    last_started timestamptz,
    last_finished timestamptz,
    last_error text
);

create table access_rules (
    id bigint generated always as identity primary key,
    source text not null,
    name text not null,
    principals text[] not null,
    unique (source, name)
);

create table memberships (
    source text not null,
    email text not null,
    principals text[] not null,
    primary key (source, email)
);

create table documents (
    id bigint generated always as identity primary key,
    source text not null,
    -- Immutable in the source; external_id (a ticket key) may change.
    source_id text not null,
    external_id text not null,
    kind text not null,
    title text not null,
    url text not null,
    place text not null,
    author text,
    status text,
    labels text[] not null,
    created timestamptz,
    updated timestamptz,
    content_hash text not null,
    -- The reader must satisfy all of them; an empty list is readable by nobody.
    rule_ids bigint[] not null,
    unique (source, source_id)
);
create index documents_rules on documents using gin (rule_ids);

-- Documents that could not be read, with the reason for an admin.
create table unreadable (
    source text not null,
    source_id text not null,
    external_id text not null,
    reason text not null,
    seen_at timestamptz not null default now(),
    primary key (source, source_id)
);

create table chunks (
    id bigint generated always as identity primary key,
    document_id bigint not null references documents on delete cascade,
    position int not null,
    kind text not null,
    heading text not null,
    url text not null,
    text text not null,
    -- Title and headings, embedded and searched in front of the text.
    context text not null,
    author text,
    created timestamptz,
    -- Of a run of comments: from which character on a citation leads to which of them.
    anchors jsonb not null default '[]',
    -- Of what is embedded: a chunk that keeps its hash keeps its vector.
    hash text not null,
    unique (document_id, position) deferrable initially deferred
);

-- The keyword index: exact BM25 in plain SQL (docs/search.md has the formula and why not ts_rank).
create table terms (
    id bigint generated always as identity primary key,
    lexeme text not null unique
);
create table postings (
    term_id bigint not null,
    chunk_id bigint not null references chunks on delete cascade,
    -- Term frequency, saturated and length-normalised; only the inverse document frequency is left for the query.
    weight real not null
);
create unique index postings_term on postings (term_id, chunk_id) include (weight);
create index postings_chunk on postings (chunk_id);

create table embedding_models (
    id int generated always as identity primary key,
    name text not null unique,
    dimensions int not null
);
create table embeddings (
    model_id int not null references embedding_models,
    chunk_id bigint not null references chunks on delete cascade,
    embedding halfvec not null,
    primary key (model_id, chunk_id)
);
create index embeddings_chunk on embeddings (chunk_id);

-- The access rules that everybody of an audience satisfies. Null: the operator, who is not asked (see search.sql).
create function satisfied_rules(emails text[]) returns bigint[] language sql stable parallel safe as $$
    select coalesce(array_agg(r.id), '{}')
    from access_rules r
    where 'anyone' = any (r.principals)
       or (cardinality(emails) > 0 and not exists (
            select from unnest(emails) as member(email)
            where not exists (
                select from memberships m
                where m.source = r.source and m.email = member.email and m.principals && r.principals)))
$$;

-- One conversation, with its running summary.
create table threads (
    key text primary key,
    summary text not null,
    -- The last question as it was searched for, so that "and on Windows?" can be understood.
    last_question text not null,
    -- The access rules of all that the summary was made of: who does not satisfy them starts afresh.
    rule_ids bigint[] not null,
    updated_at timestamptz not null default now()
);
create index threads_updated on threads (updated_at);
