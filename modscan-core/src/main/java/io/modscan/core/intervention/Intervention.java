package io.modscan.core.intervention;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is changed while a prompt is run: a value with a name, which can be written down and made again. A prompt
 * {@linkplain io.modscan.core.prompt.Prompt#under under} an intervention is a prompt of its own.
 *
 * <pre>{@code
 * Intervention off = Intervention.of("head 3.5 off", Change.of("blocks.3.attn.hook_z", UnitSet.heads(5), Replacement.mean(means)));
 * try (Probe probe = Probe.builder(model).sites(Sites.loss()).pooling(Pooling.mean()).changing(off).build()) {
 *     Activations losses = probe.capture(prompts.under(off));
 * }
 * }</pre>
 *
 * <p>Sites behind a change read changed values, as the site itself does; those before it don't. Where several changes are of the same units, each is
 * applied to what the one before has left. Immutable; safe for use by many threads.
 */
public final class Intervention {

    private final String name;
    private final List<Change> changes;
    private @Nullable String sha256;

    private Intervention(String name, List<Change> changes) {
        this.name = Objects.requireNonNull(name, "name");
        this.changes = List.copyOf(changes);
        if (name.isBlank() || changes.isEmpty()) {
            throw new IllegalArgumentException(
                    "an intervention has a name and at least one change; this one is '" + name + "', " + changes);
        }
    }

    private static String digest(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /**
     * An intervention of given changes.
     *
     * @param name    what it is called; it becomes the label {@code intervention} of the prompts under it
     * @param changes at least one
     * @return the intervention
     * @throws IllegalArgumentException if the name is blank or there is no change
     */
    public static Intervention of(String name, Change... changes) {
        return new Intervention(name, List.of(changes));
    }

    /**
     * An intervention of given changes.
     *
     * @param name    see {@link #of(String, Change...)}
     * @param changes at least one
     * @return the intervention
     * @throws IllegalArgumentException if the name is blank or there is no change
     */
    public static Intervention of(String name, List<Change> changes) {
        return new Intervention(name, changes);
    }

    /**
     * The same for any units: a head, some neurons, a module, the top of a ranking. A head's magnitude, as results have it, stands for the head.
     *
     * @param name  see {@link #of(String, Change...)}
     * @param units at least one
     * @param by    what becomes of each, at all positions
     * @return the intervention
     * @throws IllegalArgumentException if the name is blank or there is no unit
     */
    public static Intervention of(String name, Collection<Unit> units, Replacement by) {
        List<Change> changes = new ArrayList<>();
        bySite(units).forEach((site, of) -> changes.add(Change.of(site, UnitSet.of(of), by)));
        return new Intervention(name, changes);
    }

    /**
     * All units of some sites but these: what is left when everything else is taken away.
     *
     * @param name  see {@link #of(String, Change...)}
     * @param kept  units that stay as they are
     * @param among the sites that all others are changed at; one of magnitudes stands for the site that they are of
     * @param by    what becomes of each of the others, at all positions
     * @return the intervention; of sites of which all units are kept it has no change
     * @throws IllegalArgumentException if the name is blank, a unit is of none of the sites, or nothing is left to be changed
     */
    public static Intervention keepOnly(String name, Collection<Unit> kept, Collection<Site> among, Replacement by) {
        Map<String, List<Unit>> bySite = bySite(kept);
        List<Change> changes = new ArrayList<>();
        Set<Site> sites = new LinkedHashSet<>();
        among.forEach(site -> sites.add(site.forward()));
        for (Site site : sites) {
            List<Unit> of = bySite.remove(site.name());
            UnitSet set = of == null ? UnitSet.all() : UnitSet.of(of);
            if (of == null) {
                changes.add(Change.of(site.name(), set, by));
            } else if (set.of() != UnitSet.Of.ALL && set.others().at(site).length > 0) {
                changes.add(Change.of(site.name(), set.others(), by));
            }
        }
        if (!bySite.isEmpty()) {
            throw new IllegalArgumentException("units of " + bySite.keySet() + " are to be kept, and only those of "
                    + among + " are changed at all; name these sites, too, or leave the units away");
        }
        return new Intervention(name, changes);
    }

    private static Map<String, List<Unit>> bySite(Collection<Unit> units) {
        return units.stream()
                .collect(Collectors.groupingBy(
                        unit -> unit.site().forward().name(), LinkedHashMap::new, Collectors.toList()));
    }

    /**
     * This and another one behind it.
     *
     * @param other what is done to what this one leaves
     * @param both  what both together are called
     * @return an intervention of the changes of both
     */
    public Intervention then(Intervention other, String both) {
        List<Change> all = new ArrayList<>(changes);
        all.addAll(other.changes);
        return new Intervention(both, all);
    }

    /**
     * What it is called.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * What it changes.
     *
     * @return the changes, at least one; unmodifiable
     */
    public List<Change> changes() {
        return changes;
    }

    /**
     * A digest of name, changes and the values of all references: of equal interventions it is the same.
     *
     * @return the SHA-256 in hexadecimal digits
     */
    public synchronized String sha256() {
        if (sha256 == null) {
            sha256 = digest(InterventionJson.write(this));
        }
        return sha256;
    }

    /**
     * Throws if this can't be done to a prompt.
     *
     * @param allowed     the sites that may be changed
     * @param length      the prompt's tokens
     * @param fingerprint the model's, if it is known
     * @throws ModscanException if a site may not be changed or has no such unit, if the prompt has no such position, or if a reference lacks
     *                          what is needed or is of another model; the message names this intervention
     */
    public void check(List<Site> allowed, int length, Optional<String> fingerprint) {
        for (Change change : changes) {
            Site site = allowed.stream()
                    .filter(one -> one.name().equals(change.site()))
                    .findFirst()
                    .orElseThrow(() -> new ModscanException("intervention '" + name + "' changes " + change.site()
                            + ", and "
                            + (allowed.isEmpty()
                                    ? "nothing may be changed here"
                                    : "only these may be changed here: "
                                            + allowed.stream().limit(8).toList() + (allowed.size() > 8 ? ", …" : ""))
                            + "; say beforehand which sites are (Probe.Builder.changing)"));
            try {
                change.check(site, length, fingerprint);
            } catch (ModscanException | IllegalArgumentException e) {
                throw new ModscanException("intervention '" + name + "': " + e.getMessage(), e);
            }
        }
    }

    /**
     * Checks that attributions can be taken towards this.
     *
     * @param attributed  the sites whose attributions are read; changes of others don't matter
     * @param known       the sites that there are, or none if that is not known
     * @param length      the prompt's tokens
     * @param fingerprint the model's, if it is known
     * @throws ModscanException if a change can't be made of what is there, one is of a site that there isn't, or this says nothing of one of the sites
     */
    public void checkToward(List<Site> attributed, List<Site> known, int length, Optional<String> fingerprint) {
        Set<String> names = known.stream().map(Site::name).collect(Collectors.toSet());
        changes.stream()
                .map(Change::site)
                .filter(site -> !names.isEmpty() && !names.contains(site))
                .findFirst()
                .ifPresent(site -> {
                    throw new ModscanException(
                            "'" + name + "', what attributions are to be taken towards, changes " + site
                                    + ", which is no site of the model; it has "
                                    + known.stream().limit(8).toList() + ", …");
                });
        for (Site site : attributed) {
            if (of(site).findAny().isEmpty()) {
                throw new ModscanException("attributions of " + site + " are read, and '" + name
                        + "', what they are to be taken towards, says nothing of it; it changes "
                        + changes.stream().map(Change::site).distinct().limit(8).toList());
            }
            try {
                of(site).forEach(change -> change.check(site, length, fingerprint));
            } catch (ModscanException | IllegalArgumentException e) {
                throw new ModscanException("intervention '" + name + "': " + e.getMessage(), e);
            }
        }
    }

    /**
     * Whether all positions of a site are changed in the same way, or none is.
     *
     * @param site a site
     * @return whether one vector stands for all positions
     */
    public boolean isEverywhere(Site site) {
        return of(site).allMatch(Change::isEverywhere);
    }

    /**
     * What is done to a site's vectors: each becomes {@code keep · vector + fill}.
     *
     * @param site       the site, of vectors
     * @param length     the prompt's tokens
     * @param everywhere whether there is one vector of factors for all positions, as there may be if {@link #isEverywhere}
     * @param keep       factors, [length or 1 or more, width]: what is there is multiplied
     * @param fill       what is added, in the same shape: what is there is changed as the vectors are
     * @throws ModscanException if this can't be done to the site, as {@link #check} tells
     */
    public void applyTo(Site site, int length, boolean everywhere, float[] keep, float[] fill) {
        of(site).forEach(change -> change.applyTo(site, length, everywhere, keep, fill));
    }

    /**
     * What is done to attention patterns: each weight is multiplied.
     *
     * @param site   a site of attention patterns
     * @param length the prompt's tokens, or 1 if all are changed in the same way
     * @param keep   factors, [heads, length, length]: what is there is multiplied
     */
    public void applyTo(Site site, int length, float[] keep) {
        of(site).forEach(change -> change.applyTo(site, length, keep));
    }

    private Stream<Change> of(Site site) {
        return changes.stream().filter(change -> change.site().equals(site.name()));
    }

    /**
     * Reads one that was written as JSON, such as stands in a line of a file of prompts.
     *
     * @param json   an object, see the guide's page on prompts
     * @param folder where files of references lie that it speaks of
     * @return the intervention
     * @throws ModscanException if it is none; the message says what is wrong with it
     */
    public static Intervention ofJson(String json, Path folder) {
        return ofJson(json, name -> Reference.open(folder.resolve(name)));
    }

    /**
     * Reads one that was written as JSON, whose files of references may have been opened already.
     *
     * @param json       an object
     * @param references gives the reference of a file, by the name that the JSON has for it
     * @return the intervention
     * @throws ModscanException if it is none; the message says what is wrong with it
     */
    public static Intervention ofJson(String json, Function<String, Reference> references) {
        return InterventionJson.read(json, references);
    }

    /**
     * Reads what a recording tells of one: no file is opened, and references have names and digests only, so that it can't be run.
     *
     * @param json what {@link #toJson} gave
     * @return the intervention
     * @throws ModscanException if it is none
     */
    public static Intervention told(String json) {
        return InterventionJson.read(json, null);
    }

    /**
     * It as JSON. Of references there are names and digests, not values.
     *
     * @return an object on one line
     */
    public String toJson() {
        return InterventionJson.write(this);
    }

    /** Interventions are equal if their digests are. */
    @Override
    public boolean equals(@Nullable Object o) {
        return o == this || (o instanceof Intervention other && sha256().equals(other.sha256()));
    }

    @Override
    public int hashCode() {
        return sha256().hashCode();
    }

    /**
     * The intervention in words.
     *
     * @return its name and changes
     */
    @Override
    public String toString() {
        return name + " (" + changes.stream().map(Change::toString).collect(Collectors.joining("; ")) + ")";
    }
}
