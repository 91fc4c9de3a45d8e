package io.modscan.report;

/**
 * A family's units, those first that tell labels apart best.
 *
 * @param family the family
 * @param units  each unit's number, counted through layer by layer
 * @param kept   of how many of them, from the first on, the page has a value for each prompt
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, only read
record RankedUnits(SiteFamily family, int[] units, int kept) {}
