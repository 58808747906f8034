-- The keyword index with fields, its statistics by what is readable together, and what people said of an answer.

-- What is in the keyword index: the language of its words, and which version of the rules made them. A chunk whose
-- `words` is below `version` is indexed anew by the next refresh; so are those that the version before adds meanwhile.
create table word_index (
    one_row boolean primary key default true check (one_row),
    -- A text search configuration of the server.
    language text not null default 'english',
    -- Tokenisation and field weights that the code had (indexer/terms.py).
    rules text not null default '',
    version int not null default 0,
    -- As of the last true-up: how many chunks there were, and the highest id of one.
    chunks bigint not null default 0,
    last_chunk_id bigint not null default 0,
    trued_up_at timestamptz
);
insert into word_index default values;

alter table chunks add column words int not null default 0;
create index chunks_words on chunks (words);

-- Only facts about the chunk are stored: what depends on other chunks (document frequency, average length) and the
-- saturation are left to the query. The defaults are for rows of the version before, until they are indexed anew;
-- `weight` is read by the version before alone, which must find a number in every row.
alter table postings
    alter column weight set default 1,
    -- Occurrences, each times the weight of its field.
    add column frequency real not null default 1,
    -- The sum of the frequencies of the chunk.
    add column length real not null default 90;
drop index postings_term;
create unique index postings_term on postings (term_id, chunk_id) include (frequency, length);

-- How many chunks have the term, as of the last true-up; 0: so few that they are counted as they are asked for.
alter table terms add column chunks bigint not null default 0;

-- The same by set of access rules, so that a reader's figures count what that reader may read and nothing else.
create table term_rule_sets (
    term_id bigint not null,
    rule_set_id int not null,
    chunks bigint not null,
    primary key (term_id, rule_set_id) include (chunks)
);
create table rule_set_words (
    rule_set_id int primary key,
    chunks bigint not null,
    -- The sum of the chunks' lengths.
    length double precision not null,
    -- Of the documents whose chunks they are.
    sources text[] not null
);

-- Tickets are looked up by their key.
create index documents_external on documents (external_id);

-- Thumbs on answers that cited the document.
create table document_feedback (
    document_id bigint primary key references documents on delete cascade,
    helpful int not null default 0,
    unhelpful int not null default 0,
    updated_at timestamptz not null default now()
);

alter table term_rule_sets enable row level security;
alter table rule_set_words enable row level security;
create policy wall on term_rule_sets for select using (
    case when rule_set_id < length((select wall())) then get_bit((select wall()), rule_set_id) = 1 else false end);
create policy wall on rule_set_words for select using (
    case when rule_set_id < length((select wall())) then get_bit((select wall()), rule_set_id) = 1 else false end);
insert into reader_tables
values ('word_index'), ('term_rule_sets'), ('rule_set_words'), ('document_feedback');
select raise_wall();
