-- name: titles
select external_id, title from documents where kind <> 'attachment';

-- name: tables
select table_name::text from information_schema.tables where table_schema = current_schema();
