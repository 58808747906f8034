-- Runs that were interrupted go on as the run that waits; attachments that could not be read are tried again as soon
-- as the source lists another version of them.

alter table refresh_runs
    -- How often it was interrupted, by a killed worker or a database that went away.
    add column interruptions int not null default 0;

alter table reading_list
    -- The version in which it was listed when it was noted, where that is known.
    add column version text,
    -- How often its batch was given up before it was found out which of its documents could not be read.
    add column setbacks int not null default 0;
drop index reading_list_next;
create index reading_list_next on reading_list (source, (setbacks > 1), priority, noted_at) where gone_at is null;
