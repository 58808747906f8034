-- Runs that were interrupted go on as the run that waits; attachments that could not be read are tried again as soon
-- as the source lists another version of them.

alter table refresh_runs
    -- How often it was interrupted, by a killed worker or a database that went away.
    add column interruptions int not null default 0;

alter table reading_list
    -- The version in which it was listed when it was noted, where that is known.
    add column version text,
    -- How often its batch failed as a whole in a row; it is no fault of its own, as far as is known.
    add column setbacks int not null default 0;
