-- What a conversation remembers goes when what it was made of goes; and which documents are above a document.

alter table threads
    -- The chunks that the summary was made of, and updated_at of then: the version before renews the latter alone, so
    -- that it is seen that what it wrote was made of others.
    add column chunk_ids bigint[] not null default '{}',
    add column chunks_at timestamptz;

alter table documents
    -- The source_id of each document above, whose rules are among this one's. Null: not known until it is read again.
    add column ancestors text[];
-- Looked at with each document that is stored: a list of what is not in the index yet would be read each time.
create index documents_ancestors on documents using gin (ancestors) with (fastupdate = off) where ancestors <> '{}';
