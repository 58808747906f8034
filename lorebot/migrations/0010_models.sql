-- The embedding models that the index knows: where each is, and which one the searches use.

alter table embedding_models
    -- A folder, or the address of a server; null: the model of that name that is configured or comes along.
    add column location text,
    -- Searches use this one's vectors.
    add column live boolean not null default false,
    -- Its vectors are being made beside those of the live one.
    add column building boolean not null default false,
    add column created_at timestamptz not null default now();

-- At most one is live.
create unique index embedding_models_live on embedding_models (live) where live;

-- Before there was a choice, searches used the model that was configured: the one that has the vectors.
update embedding_models set live = true
where id = (select model_id from embeddings group by model_id order by count(*) desc, model_id desc limit 1);
