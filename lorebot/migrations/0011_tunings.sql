-- What searches learned from the index's own structure: a map of the question's vector, and weights of the fusion.

create table tunings (
    id int generated always as identity primary key,
    model_id int not null references embedding_models on delete cascade,
    -- float32, little-endian, row by row, dimensions x dimensions; it is multiplied by the question's vector.
    -- Null: the vector stays as it is.
    matrix bytea,
    -- Fields of indexer/ranking.py's Ranking by name. Null: all stay as they are.
    weights jsonb,
    -- A candidate is being judged or waits for somebody to promote it; a retired one was live before the present one.
    state text not null default 'candidate' check (state in ('candidate', 'live', 'retired', 'rejected')),
    -- Figures alone, never text.
    metrics jsonb not null default '{}',
    created_at timestamptz not null default now(),
    -- When it became what it is now.
    decided_at timestamptz
);
create unique index tunings_live on tunings (model_id) where state = 'live';
create index tunings_model on tunings (model_id, id desc);
