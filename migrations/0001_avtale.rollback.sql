DROP TABLE IF EXISTS avtale_slettet;

DROP TABLE IF EXISTS avtale_historikk;

DROP TABLE IF EXISTS avtale;
