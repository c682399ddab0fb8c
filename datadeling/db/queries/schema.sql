-- try_migration_lock --
-- Try to take the lock for migrations. Held until the connection ends.
SELECT pg_try_advisory_lock(hashtextextended('datadeling:migrate', 0));

-- migration_table --
-- Return the name of yoyo's table, or null if nothing was ever migrated.
SELECT to_regclass('_yoyo_migration')::text;

-- select_migrations --
-- Return the ids of the migrations that were applied.
SELECT migration_id FROM _yoyo_migration;

-- select_columns --
-- Return the columns of the mirrored table.
SELECT attname
FROM pg_attribute
WHERE attrelid = to_regclass('avtale') AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;
