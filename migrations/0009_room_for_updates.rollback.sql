ALTER TABLE avtale RESET (fillfactor);
