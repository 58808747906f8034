-- What is still to be read of each source, kept until it is stored, and what a document is made of.
-- The table `unreadable` is no longer used: the reason of a document that cannot be read is in the reading list.

create table reading_list (
    source text not null,
    source_id text not null,
    -- Renewed when it is noted again: only what is still as it was picked up is struck off.
    noted_at timestamptz not null default clock_timestamp(),
    -- The lowest is read first (indexer/reading_list.py).
    priority smallint not null,
    -- How often it could not be read in a row, and when it is tried again.
    attempts int not null default 0,
    not_before timestamptz not null default '-infinity',
    -- Of the last time that it could not be read: what people call it, and one sentence for an admin.
    external_id text,
    reason text,
    -- The source no longer has it. It is not read again; it is readable by nobody until it is deleted.
    gone_at timestamptz,
    primary key (source, source_id)
);
create index reading_list_next on reading_list (source, priority, noted_at) where gone_at is null;
insert into reading_list (source, source_id, priority, attempts, external_id, reason)
    select source, source_id, 2, 1, external_id, reason from unreadable;
-- Rows come and go by the thousand.
alter table reading_list set (autovacuum_vacuum_scale_factor = 0.02);

alter table documents
    -- Versions of all that it is made of. Null: not known, so that it is read again when it is next listed.
    add column parts text[],
    -- Titles of the pages above, the top first.
    add column path text[] not null default '{}',
    -- The source_id of the document that an attachment hangs on.
    add column parent_id text,
    -- The name by which other documents take in this one's text, and the names whose text this one takes in.
    add column handle text,
    add column includes text[] not null default '{}';
create index documents_parent on documents (source, parent_id) where parent_id is not null;
create index documents_handle on documents (source, handle) where handle is not null;
create index documents_includes on documents using gin (includes) where includes <> '{}';

alter table chunks
    -- In addition to those of the document; 0 is a rule that nobody satisfies.
    add column rule_ids bigint[] not null default '{}',
    -- The source_id of the document whose text this is, where it is taken in from another one.
    add column included_id text;
create index chunks_rules on chunks using gin (rule_ids) where rule_ids <> '{}';
create index chunks_included on chunks (included_id) where included_id is not null;

alter table sources
    -- When the first read began, as long as the watermark does not tell.
    add column first_started timestamptz,
    -- Up to when each pass has seen everything.
    add column last_changes timestamptz,
    add column last_sweep timestamptz,
    add column last_permissions timestamptz;
update sources set first_started = last_started where watermark is null;

alter table refresh_runs add column passes text[] not null default '{changes,sweep,permissions}';

-- Whether everybody with these e-mail addresses may read a chunk: all rules of its document, of which there must be
-- one, and all of its own. Null e-mails: the operator, who is not asked. Written so that Postgres inlines it:
-- `satisfied` occurs once, and is (select satisfied_rules(emails)), which is then evaluated once a query.
create function readable(document_rules bigint[], chunk_rules bigint[], emails text[], satisfied bigint[])
    returns boolean language sql immutable parallel safe as $$
    select emails is null
        or (cardinality(document_rules) > 0 and document_rules || chunk_rules <@ satisfied)
$$;
