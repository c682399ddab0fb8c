-- The present, one row per avtale, and its superseded versions.

CREATE TABLE IF NOT EXISTS avtale (
    avtale_id uuid PRIMARY KEY,
    avtale_nr integer,
    deltaker_fnr text,
    bedrift_nr text,
    veileder_nav_ident text,
    tiltakstype text NOT NULL,
    avtale_status text NOT NULL,
    versjon integer NOT NULL,
    opphav text,
    start_dato date,
    slutt_dato date,
    stillingprosent numeric(9, 4),
    antall_dager_per_uke numeric(9, 4),
    stillingstype text,
    avtale_inngaatt timestamptz,
    godkjent_av_deltaker timestamptz,
    godkjent_av_arbeidsgiver timestamptz,
    godkjent_av_veileder timestamptz,
    godkjent_av_beslutter timestamptz,
    godkjent_paa_vegne_av boolean NOT NULL,
    godkjent_paa_vegne_av_arbeidsgiver boolean NOT NULL,
    godkjent_av_nav_ident text,
    godkjent_av_beslutter_nav_ident text,
    annullert_tidspunkt timestamptz,
    feilregistrert boolean NOT NULL,
    opprettet_tidspunkt timestamptz NOT NULL,
    endret_tidspunkt timestamptz NOT NULL,
    generation integer NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    hendelse_tidspunkt timestamptz NOT NULL,
    mottatt_tidspunkt timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS avtale_deltaker_fnr ON avtale (deltaker_fnr);

CREATE INDEX IF NOT EXISTS avtale_bedrift_nr ON avtale (bedrift_nr);

CREATE INDEX IF NOT EXISTS avtale_avtale_nr ON avtale (avtale_nr);

COMMENT ON TABLE avtale IS 'The present state of each avtale: its shared fields, and where they come from. Mirrored to BigQuery';

COMMENT ON COLUMN avtale.avtale_id IS 'The id of the avtale, and the key of its messages';

COMMENT ON COLUMN avtale.avtale_nr IS 'The number of the avtale; old drafts have none';

COMMENT ON COLUMN avtale.deltaker_fnr IS 'The national identity number of the participant. Personal data';

COMMENT ON COLUMN avtale.bedrift_nr IS 'The number of the employer''s unit';

COMMENT ON COLUMN avtale.veileder_nav_ident IS 'The counsellor in NAV. Personal data';

COMMENT ON COLUMN avtale.tiltakstype IS 'The kind of tiltak; new values come without warning';

COMMENT ON COLUMN avtale.avtale_status IS 'The status when the newest message was sent; the dates tell what holds today';

COMMENT ON COLUMN avtale.versjon IS 'The version of the avtale at the producer';

COMMENT ON COLUMN avtale.opphav IS 'Who made the avtale';

COMMENT ON COLUMN avtale.start_dato IS 'First day';

COMMENT ON COLUMN avtale.slutt_dato IS 'Last day; null is open';

COMMENT ON COLUMN avtale.stillingprosent IS 'The participant''s share of a full position, in percent; null for MENTOR, where it is the mentor''s';

COMMENT ON COLUMN avtale.antall_dager_per_uke IS 'Days a week';

COMMENT ON COLUMN avtale.stillingstype IS 'Permanent (FAST) or temporary (MIDLERTIDIG) position';

COMMENT ON COLUMN avtale.avtale_inngaatt IS 'When everybody had approved';

COMMENT ON COLUMN avtale.godkjent_av_deltaker IS 'When the participant approved';

COMMENT ON COLUMN avtale.godkjent_av_arbeidsgiver IS 'When the employer approved';

COMMENT ON COLUMN avtale.godkjent_av_veileder IS 'When the counsellor approved';

COMMENT ON COLUMN avtale.godkjent_av_beslutter IS 'When the decision maker approved';

COMMENT ON COLUMN avtale.godkjent_paa_vegne_av IS 'Whether the counsellor approved for the participant';

COMMENT ON COLUMN avtale.godkjent_paa_vegne_av_arbeidsgiver IS 'Whether the counsellor approved for the employer';

COMMENT ON COLUMN avtale.godkjent_av_nav_ident IS 'Who approved in NAV. Personal data';

COMMENT ON COLUMN avtale.godkjent_av_beslutter_nav_ident IS 'Who decided in NAV. Personal data';

COMMENT ON COLUMN avtale.annullert_tidspunkt IS 'When the avtale was cancelled';

COMMENT ON COLUMN avtale.feilregistrert IS 'Registered by mistake: not shown unless asked for';

COMMENT ON COLUMN avtale.opprettet_tidspunkt IS 'When the avtale was made';

COMMENT ON COLUMN avtale.endret_tidspunkt IS 'When the avtale was last edited; a change of status by date leaves it';

COMMENT ON COLUMN avtale.generation IS 'Which meaning of offsets the place belongs to';

COMMENT ON COLUMN avtale.kafka_partition IS 'The partition of the newest message that carries this state';

COMMENT ON COLUMN avtale.kafka_offset IS 'The offset of the newest message that carries this state';

COMMENT ON COLUMN avtale.hendelse_tidspunkt IS 'The record time of the first message that carried this state';

COMMENT ON COLUMN avtale.mottatt_tidspunkt IS 'When this state was stored here';

CREATE TABLE IF NOT EXISTS avtale_historikk (
    LIKE avtale INCLUDING COMMENTS,
    gyldig_fra timestamptz NOT NULL,
    gyldig_til timestamptz NOT NULL,
    PRIMARY KEY (avtale_id, generation, kafka_offset)
);

CREATE INDEX IF NOT EXISTS avtale_historikk_deltaker_fnr ON avtale_historikk (deltaker_fnr, gyldig_fra);

COMMENT ON TABLE avtale_historikk IS 'Superseded versions of avtaler. Never mirrored';

COMMENT ON COLUMN avtale_historikk.gyldig_fra IS 'From when this version was the newest, by record time';

COMMENT ON COLUMN avtale_historikk.gyldig_til IS 'Until when, exclusive; equal to gyldig_fra when record times ran backwards';

CREATE TABLE IF NOT EXISTS avtale_slettet (
    avtale_id uuid PRIMARY KEY,
    generation integer NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    slettet_tidspunkt timestamptz NOT NULL
);

COMMENT ON TABLE avtale_slettet IS 'Markers of erased avtaler: messages at or before the place are ignored. Nothing personal. Never removed';

COMMENT ON COLUMN avtale_slettet.avtale_id IS 'The erased avtale';

COMMENT ON COLUMN avtale_slettet.generation IS 'The place of the tombstone: its generation';

COMMENT ON COLUMN avtale_slettet.kafka_partition IS 'The place of the tombstone: its partition';

COMMENT ON COLUMN avtale_slettet.kafka_offset IS 'The place of the tombstone: its offset';

COMMENT ON COLUMN avtale_slettet.slettet_tidspunkt IS 'When we erased the avtale';
