-- try_migration_lock --
-- Held until the connection ends.
SELECT pg_try_advisory_lock(hashtextextended('datadeling:migrate', 0));

-- migration_table --
SELECT to_regclass('_yoyo_migration')::text;

-- select_migrations --
SELECT migration_id FROM _yoyo_migration;

-- select_columns --
-- Of the table that is mirrored.
SELECT attname
FROM pg_attribute
WHERE attrelid = to_regclass('avtale') AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;
