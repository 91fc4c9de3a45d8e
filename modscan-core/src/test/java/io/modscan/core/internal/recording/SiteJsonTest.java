package io.modscan.core.internal.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SiteJsonTest {

    private static final Path FILE = Path.of("some.safetensors");

    private static final Site Z = new Site(
            "blocks.5.attn.hook_z", OptionalInt.of(5), List.of(Axis.POSITION, Axis.heads(12), Axis.units(64)), false);
    private static final Site PATTERN =
            new Site("pattern \"x\"", OptionalInt.empty(), List.of(Axis.heads(12), Axis.QUERY, Axis.KEY), true);

    private static final List<Reading> READINGS = List.of(
            new Reading(Z, Pooling.none()),
            new Reading(Z.magnitude(), Pooling.mean().withoutBos()),
            new Reading(PATTERN, Pooling.none()),
            new Reading(
                    new Site("conv", OptionalInt.empty(), List.of(Axis.units(3), Axis.units(8), Axis.units(8)), false),
                    Pooling.none()),
            new Reading(
                    new Site(
                            "named",
                            OptionalInt.of(0),
                            List.of(Axis.heads(2), Axis.units(List.of("SELF", "PREVIOUS \"one\""))),
                            true),
                    Pooling.none()),
            new Reading(new Site("scalar", OptionalInt.empty(), List.of(), false), Pooling.none()));

    private static final String JSON = """
            [{"name":"blocks.5.attn.hook_z","layer":5,"axes":["position","head 12","unit 64"],"pooling":"none"},
            {"name":"blocks.5.attn.hook_z.magnitude","layer":5,"axes":["position","head 12"],"on_demand":true,
            "magnitude_of":{"name":"blocks.5.attn.hook_z","layer":5,"axes":["position","head 12","unit 64"]},
            "pooling":"mean without BOS"},
            {"name":"pattern \\"x\\"","axes":["head 12","query","key"],"on_demand":true,"pooling":"none"},
            {"name":"conv","axes":["unit 3","unit 8","unit 8"],"pooling":"none"},
            {"name":"named","layer":0,"axes":["head 2",{"unit":["SELF","PREVIOUS \\"one\\""]}],"on_demand":true,
            "pooling":"none"},
            {"name":"scalar","axes":[],"pooling":"none"}]""";

    @Test
    void isWrittenAsTheFormatSays() {
        assertThat(SiteJson.write(READINGS)).isEqualTo(JSON.replace("\n", ""));
    }

    @Test
    void isReadBack() {
        assertThat(SiteJson.read(FILE, JSON)).isEqualTo(READINGS);
    }

    @ParameterizedTest
    @CsvSource({
        "none, false",
        "last, false",
        "mean, false",
        "max, false",
        "last, true",
        "mean, true",
        "max, true",
    })
    void everyPoolingIsReadBack(String kind, boolean withoutBos) {
        Pooling pooling = new Pooling(
                Pooling.Kind.valueOf(kind.toUpperCase(java.util.Locale.ROOT)),
                withoutBos ? Positions.withoutBos() : Positions.all());
        List<Reading> readings = List.of(new Reading(Z, pooling));
        assertThat(SiteJson.read(FILE, SiteJson.write(readings))).isEqualTo(readings);
    }

    @Test
    void whatIsNotKnownIsPassedOver() {
        String json = "[{\"name\": \"a\", \"axes\": [], \"pooling\": \"none\", \"later\": {\"x\": [1]}}]";
        assertThat(SiteJson.read(FILE, json)).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``                                                                  | not one JSON list",
                "[                                                                   | not JSON",
                "[{]                                                                 | not JSON",
                "[1]                                                                 | not one JSON list",
                "{\"name\": \"a\"}                                                   | not one JSON list",
                "[] []                                                               | not one JSON list",
                "[]                                                                  | at least one is needed",
                "[{\"axes\": [], \"pooling\": \"none\"}]                             | entry 0: the name is null, not a string",
                "[{\"name\": 3, \"axes\": [], \"pooling\": \"none\"}]                | the name is 3, not a string",
                "[{\"name\": \"a\", \"pooling\": \"none\"}]                          | axes of a are null, not a list",
                "[{\"name\": \"a\", \"axes\": \"unit 3\", \"pooling\": \"none\"}]    | axes of a are unit 3, not a list",
                "[{\"name\": \"a\", \"axes\": [\"unit\"], \"pooling\": \"none\"}]    | an axis of a is 'unit'",
                "[{\"name\": \"a\", \"axes\": [\"unit 0\"], \"pooling\": \"none\"}]  | an axis of a is 'unit 0'",
                "[{\"name\": \"a\", \"axes\": [\"unit -1\"], \"pooling\": \"none\"}] | an axis of a is 'unit -1'",
                "[{\"name\": \"a\", \"axes\": [\"unit 9999999999\"], \"pooling\": \"none\"}] | an axis of a is 'unit 9999999999'",
                "[{\"name\": \"a\", \"axes\": [\"query 3\", \"key\"], \"pooling\": \"none\"}] | an axis of a is 'query 3'",
                "[{\"name\": \"a\", \"axes\": [null], \"pooling\": \"none\"}]        | an axis of a is 'null'",
                "[{\"name\": \"a\", \"axes\": [{\"head\": [\"x\"]}], \"pooling\": \"none\"}] | an axis of a is '{head=[x]}'",
                "[{\"name\": \"a\", \"axes\": [{\"unit\": []}], \"pooling\": \"none\"}] | cannot have the size 0",
                "[{\"name\": \"a\", \"axes\": [{\"unit\": [\"x\", \"x\"]}], \"pooling\": \"none\"}] | cannot have the names [x, x]",
                "[{\"name\": \"a\", \"axes\": [\"query\"], \"pooling\": \"none\"}]   | the axes of a are [QUERY]",
                "[{\"name\": \"a\", \"axes\": []}]                                   | the pooling is null",
                "[{\"name\": \"a\", \"axes\": [], \"pooling\": \"median\"}]          | the pooling is median; it must be",
                "[{\"name\": \"a\", \"axes\": [], \"pooling\": \"none without BOS\"}] | a has no single axis of positions to choose from",
                "[{\"name\": \"a\", \"axes\": [], \"pooling\": \"mean\"}]            | a has no single axis of positions",
                "[{\"name\": \"a\", \"axes\": [], \"layer\": -1, \"pooling\": \"none\"}] | the layer of a is -1",
                "[{\"name\": \"a\", \"axes\": [], \"layer\": \"0\", \"pooling\": \"none\"}] | the layer of a is 0, not a number",
                "[{\"name\": \"a\", \"axes\": [], \"on_demand\": 1, \"pooling\": \"none\"}] | on_demand of a is 1",
                "[{\"name\": \"a\", \"axes\": [], \"magnitude_of\": \"b\", \"pooling\": \"none\"}] | magnitude_of of a is b",
                "[{\"name\": \"a\", \"axes\": [], \"magnitude_of\": {\"name\": \"b\", \"axes\": []}, \"pooling\": \"none\"}] | no axis of units",
                "[{\"name\": \"a\", \"axes\": [], \"magnitude_of\": {\"name\": \"b\", \"axes\": [\"unit 3\"]}, \"pooling\": \"none\"}] | a does not fit b",
                "[{\"name\": \"a\", \"name\": \"b\", \"axes\": [], \"pooling\": \"none\"}] | duplicate key 'name'",
                "[{\"name\": \"a\", \"axes\": [], \"pooling\": \"none\"}, {\"name\": \"a\", \"axes\": [], \"pooling\": \"none\"}] | a is planned twice",
            })
    void whatIsNoListOfSitesIsRefused(String json, String message) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> SiteJson.read(FILE, json))
                .withMessageContainingAll("some.safetensors", Keys.SITES, message);
    }
}
