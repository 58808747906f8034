-- Which rules a text demands, as one number: each distinct set of access rules has an id, and what people may read is a
-- list of these, found once a query. And a second wall: row-level security for the role that searches.
-- docs/permissions.md says what it is good for.

-- In the order in which a refresh takes them.
lock table documents, chunks, embeddings in access exclusive mode;

create table rule_sets (
    id int generated always as identity primary key,
    -- Sorted and distinct. Of a document without rules it is {0}: there is no rule 0, so nobody satisfies it.
    rule_ids bigint[] not null unique
);
insert into rule_sets (rule_ids) values ('{0}');

-- All rules of the document, of which there must be one, and all of the chunk itself.
create function demanded_rules(document_rules bigint[], chunk_rules bigint[] default '{}') returns bigint[]
language sql immutable parallel safe as $$
    select case when document_rules = '{}' then array[0::bigint]
                else array(select distinct unnest(document_rules || chunk_rules) order by 1) end
$$;

-- The id of a set, which is added where it is new; kept from being deleted until what uses it is committed.
create function rule_set(demanded bigint[]) returns int language plpgsql as $$
declare
    set_id int;
begin
    loop
        select id into set_id from rule_sets where rule_ids = demanded for key share;
        exit when found;
        insert into rule_sets (rule_ids) values (demanded) on conflict do nothing returning id into set_id;
        exit when found;
    end loop;
    return set_id;
end
$$;

-- Null in all three, as everything that is not known: readable by nobody.
alter table documents add column rule_set_id int;
alter table chunks add column rule_set_id int;
alter table embeddings add column rule_set_id int;

insert into rule_sets (rule_ids)
    select demanded_rules(rule_ids) from documents
    union
    select demanded_rules(d.rule_ids, c.rule_ids)
    from chunks c join documents d on d.id = c.document_id where c.rule_ids <> '{}'
    on conflict do nothing;
update documents d set rule_set_id = s.id from rule_sets s where s.rule_ids = demanded_rules(d.rule_ids);
update chunks c set rule_set_id = s.id
    from documents d, rule_sets s
    where d.id = c.document_id
      and s.rule_ids = case when c.rule_ids = '{}' then demanded_rules(d.rule_ids)
                            else demanded_rules(d.rule_ids, c.rule_ids) end;
-- Each row is written anew, and an HNSW index is made faster than it is added to.
do $$
declare
    definitions text[];
    definition text;
    name regclass;
begin
    select array_agg(pg_get_indexdef(i.indexrelid)) into definitions
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where i.indrelid = 'embeddings'::regclass and a.amname = 'hnsw';
    for name in select i.indexrelid from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
                where i.indrelid = 'embeddings'::regclass and a.amname = 'hnsw'
    loop
        execute format('drop index %s', name);
    end loop;
    update embeddings e set rule_set_id = c.rule_set_id from chunks c where c.id = e.chunk_id;
    foreach definition in array coalesce(definitions, '{}')
    loop
        execute definition;
    end loop;
end
$$;
create index documents_rule_set on documents (rule_set_id);
create index chunks_rule_set on chunks (rule_set_id, id);
create index embeddings_rule_set on embeddings (model_id, rule_set_id);

-- Kept by triggers, so that every statement that changes rules is right, those of the version before too. Each reads what
-- it goes by under a lock, or before it is passed on by a later change that has to wait for this one:
--   * a document's change is passed on to every chunk, which waits for whoever is just changing one;
--   * a chunk that is added waits for whoever is just changing its document's rules, and makes later ones wait;
--   * a vector whose chunk is just being changed is left out and is embedded another time: whoever embeds many at once
--     must not wait for one chunk while others wait for it.
create function set_of_document() returns trigger language plpgsql as $$
begin
    new.rule_set_id := rule_set(demanded_rules(new.rule_ids));
    return new;
end
$$;
create trigger rule_set before insert or update of rule_ids on documents
    for each row execute function set_of_document();

create function sets_of_chunks() returns trigger language plpgsql as $$
begin
    update chunks set rule_set_id = case
        when rule_ids = '{}' then new.rule_set_id
        else rule_set(demanded_rules(new.rule_ids, rule_ids)) end
    where document_id = new.id;
    return null;
end
$$;
create trigger rule_sets_of_chunks after update on documents
    for each row when (old.rule_ids is distinct from new.rule_ids) execute function sets_of_chunks();

create function set_of_chunk() returns trigger language plpgsql as $$
declare
    document_rules bigint[];
    document_set int;
begin
    if tg_op = 'INSERT' or old.document_id <> new.document_id then
        select rule_ids, rule_set_id into document_rules, document_set
        from documents where id = new.document_id for share;
    else
        select rule_ids, rule_set_id into document_rules, document_set from documents where id = new.document_id;
    end if;
    new.rule_set_id := case
        when new.rule_ids = '{}' then document_set
        else rule_set(demanded_rules(document_rules, new.rule_ids)) end;
    return new;
end
$$;
create trigger rule_set before insert on chunks
    for each row execute function set_of_chunk();
create trigger rule_set_again before update of rule_ids, document_id on chunks
    for each row when (old.rule_ids is distinct from new.rule_ids or old.document_id <> new.document_id)
    execute function set_of_chunk();

create function sets_of_embeddings() returns trigger language plpgsql as $$
begin
    update embeddings set rule_set_id = new.rule_set_id where chunk_id = new.id;
    return null;
end
$$;
create trigger rule_sets_of_embeddings after update on chunks
    for each row when (old.rule_set_id is distinct from new.rule_set_id) execute function sets_of_embeddings();

create function set_of_embedding() returns trigger language plpgsql as $$
begin
    select rule_set_id into new.rule_set_id from chunks where id = new.chunk_id for share skip locked;
    if not found then
        return null;
    end if;
    return new;
end
$$;
create trigger rule_set before insert or update of chunk_id on embeddings
    for each row execute function set_of_embedding();

-- Which rules a principal satisfies: so that rules need not be looked at one by one.
create table rule_principals (
    source text not null,
    principal text not null,
    rule_id bigint not null references access_rules on delete cascade,
    primary key (source, principal, rule_id)
);
create index rule_principals_rule on rule_principals (rule_id);
create index rule_principals_anyone on rule_principals (rule_id) where principal = 'anyone';
insert into rule_principals select distinct source, unnest(principals), id from access_rules;

create function principals_of_rule() returns trigger language plpgsql as $$
begin
    delete from rule_principals where rule_id = new.id;
    insert into rule_principals select distinct new.source, unnest(new.principals), new.id;
    return null;
end
$$;
create trigger rule_principals after insert on access_rules
    for each row execute function principals_of_rule();
create trigger rule_principals_again after update on access_rules
    for each row when ((old.source, old.principals) is distinct from (new.source, new.principals))
    execute function principals_of_rule();

-- The access rules that everybody of an audience satisfies; null e-mails satisfy none but those of anyone. A rule that
-- all satisfy is among those of whoever has the fewest principals; most are settled by a principal that all have.
create or replace function satisfied_rules(emails text[]) returns bigint[]
language sql stable parallel safe security definer
begin atomic
    with people as materialized (
        select count(distinct email) as count from unnest(emails) as email
    ), known as materialized (
        select m.source, m.principals, count(*) over of_source as people,
               row_number() over (of_source order by cardinality(m.principals)) as place
        from memberships m where m.email = any (emails)
        window of_source as (partition by m.source)
    ), held as materialized (
        -- A source that does not know all of them gives nothing.
        select k.source, principal, k.people = 1 or not exists (
                   select from known other
                   where other.source = k.source and not principal = any (other.principals)) as by_all
        from known k, unnest(k.principals) as principal
        where k.place = 1 and k.people = (select count from people)
    ), candidates as materialized (
        select p.rule_id, bool_or(h.by_all) as certain
        from held h join rule_principals p on p.source = h.source and p.principal = h.principal
        group by p.rule_id
    ), satisfied as (
        select rule_id from candidates where certain
        union
        select c.rule_id from candidates c join access_rules r on r.id = c.rule_id
        where not c.certain
          and not exists (select from known k where k.source = r.source and not k.principals && r.principals)
        union
        select rule_id from rule_principals where principal = 'anyone'
    )
    select coalesce(array_agg(rule_id order by rule_id), '{}') from satisfied;
end;

-- The ids of the rule sets that everybody of an audience satisfies. Null e-mails: the operator, who satisfies all.
-- Hashes instead of `rule_ids <@ satisfied`, which compares each with each; most sets are of one rule or two.
create function readable_sets(emails text[]) returns int[]
language sql stable parallel safe security definer
begin atomic
    with satisfied as materialized (
        -- In a subquery, without which the planner calls the function too, to guess how much it gives.
        select unnest((select satisfied_rules(emails))) as id where emails is not null
    )
    select coalesce(array_agg(s.id), '{}')
    from rule_sets s
    where emails is null
       or (s.rule_ids[1] in (select id from satisfied)
           and (s.rule_ids[2] is null or s.rule_ids[2] in (select id from satisfied))
           and (s.rule_ids[3] is null or not exists (
                select from unnest(s.rule_ids[3:]) as rule(id) where rule.id not in (select id from satisfied))));
end;

-- The wall. Whoever reads for people names them to enter_wall() once a transaction, which keeps in `lorebot.readable` one
-- bit for each rule set; absent or empty, nothing is there.
create function wall() returns bit varying language sql stable parallel safe as $$
    select coalesce(nullif(current_setting('lorebot.readable', true), ''), '0')::bit varying
$$;

alter table documents enable row level security;
alter table chunks enable row level security;
alter table embeddings enable row level security;
alter table rule_sets enable row level security;
-- `(select wall())` is evaluated once a query, and a bit is found sooner than an id in a hash. Postings and terms have no
-- policy: it would cost more than the search (docs/permissions.md).
create policy wall on documents for select using (
    case when rule_set_id < length((select wall())) then get_bit((select wall()), rule_set_id) = 1 else false end);
create policy wall on chunks for select using (
    case when rule_set_id < length((select wall())) then get_bit((select wall()), rule_set_id) = 1 else false end);
create policy wall on embeddings for select using (
    case when rule_set_id < length((select wall())) then get_bit((select wall()), rule_set_id) = 1 else false end);
create policy wall on rule_sets for select using (
    case when id < length((select wall())) then get_bit((select wall()), id) = 1 else false end);

-- The tables that a search reads. A later migration adds its own and calls raise_wall().
create table reader_tables (name text primary key);
insert into reader_tables values ('documents'), ('chunks'), ('postings'), ('terms'), ('embeddings'), ('embedding_models'),
    ('rule_sets'), ('reader_tables');

-- What it takes to become another role: before PostgreSQL 16 every member may.
create function becoming() returns text language sql stable as $$
    select case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end
$$;
create function granting() returns text language sql stable as $$
    select case when becoming() = 'set' then ' with set true, inherit false' else '' end
$$;

-- Gives the role `lorebot_reader` what a search needs, and makes it where it is missing; as far as this user may.
create function raise_wall() returns void language plpgsql as $$
declare
    table_name text;
begin
    begin
        if not exists (select from pg_roles where rolname = 'lorebot_reader') then
            create role lorebot_reader nologin;
        end if;
        if not pg_has_role('lorebot_reader', becoming()) then
            execute format('grant lorebot_reader to %I%s', current_user, granting());
        end if;
    exception
        -- Somebody else is making it, or this user may not.
        when duplicate_object or unique_violation or insufficient_privilege then null;
    end;
    if exists (select from pg_roles where rolname = 'lorebot_reader') then
        execute format('grant usage on schema %I to lorebot_reader', current_schema());
        grant execute on function satisfied_rules, readable_sets to lorebot_reader;
        for table_name in select name from reader_tables loop
            execute format('grant select on %I to lorebot_reader', table_name);
        end loop;
    end if;
end
$$;

-- What is missing for the wall to stand, and how to mend it; null where it stands.
create function wall_gap() returns text language sql stable as $$
    select case
        when r.oid is null or not pg_has_role(r.oid, becoming()) then format(
            'the role that searches cannot be used: as an administrator of the database say "%sgrant lorebot_reader to %I%s", '
            'then "select %I.raise_wall()" as %2$I',
            case when r.oid is null then 'create role lorebot_reader nologin; ' end, current_user, granting(), current_schema())
        when r.rolsuper or r.rolbypassrls or exists (
            select from reader_tables t join pg_class c on c.oid = to_regclass(t.name) where pg_has_role(r.oid, c.relowner, 'usage'))
            then 'the role lorebot_reader may see everything: take superuser, bypassrls and its memberships from it'
        when not has_schema_privilege(r.oid, current_schema(), 'usage') or exists (
            select from reader_tables t where not has_table_privilege(r.oid, to_regclass(t.name), 'select'))
            then format('the role that searches lacks rights: say "select %I.raise_wall()"', current_schema())
        end
    from (select) as one left join pg_roles r on r.rolname = 'lorebot_reader'
$$;

-- From here to the end of the transaction only what an audience may read is there; false where the wall does not stand. The
-- audience: a JSON array of e-mail addresses, or the string "operator", for whom everything is there.
create function enter_wall(audience jsonb) returns boolean language plpgsql as $$
declare
    bits text;
begin
    if wall_gap() is not null then
        return false;
    end if;
    if audience = '"operator"' then
        select repeat('1', max(id) + 1) into bits from rule_sets;
    elsif audience is not null then
        select string_agg(repeat('0', id - before - 1) || '1', '' order by id) into bits
        from (select id, lag(id, 1, -1) over (order by id) as before
              from unnest(readable_sets(array(select jsonb_array_elements_text(audience)))) as id) as readable;
    end if;
    perform set_config('lorebot.readable', coalesce(bits, ''), true), set_config('role', 'lorebot_reader', true);
    return true;
end
$$;

revoke execute on function satisfied_rules, readable_sets from public;
select raise_wall();
