-- By which versions of the code a source's documents are cut and embedded, or on the reading list to be. Null: by older
-- ones than this migration.
alter table sources add column chunkers text;
