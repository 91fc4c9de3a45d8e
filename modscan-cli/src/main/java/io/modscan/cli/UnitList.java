package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.effect.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** What {@code --units} names: heads, neurons and dimensions by their number, or whole sites. */
final class UnitList {

    private static final Pattern NAME =
            Pattern.compile("([^:,\\s]+?)(?:\\.magnitude)?(?::(\\d{1,9})(?:\\.(\\d{1,9}))?)?");
    private static final int MOST_SITES_NAMED = 8;

    private UnitList() {}

    /** The targets, in the order in which they are named. */
    static List<Target> targets(List<String> given, Model model, CommandLine line) {
        List<Target> targets = new ArrayList<>();
        for (String name : given) {
            Matcher matcher = NAME.matcher(name);
            if (!matcher.matches()) {
                throw new ParameterException(
                        line,
                        "--units takes SITE:N, such as blocks.3.attn.hook_z:5 for head 5 or blocks.2.mlp.hook_post:17 for neuron 17,"
                                + " SITE:HEAD.N for a dimension of a head, or SITE for all of it; '" + name
                                + "' is none");
            }
            Site site = site(matcher.group(1), model);
            try {
                targets.add(target(site, matcher));
            } catch (IllegalArgumentException e) {
                throw new ModscanException("--units " + name + ": " + e.getMessage(), e);
            }
        }
        return targets;
    }

    private static Target target(Site site, Matcher name) {
        if (name.group(2) == null) {
            return new Target(
                    "all of " + site.name(),
                    IntStream.range(0, site.width())
                            .mapToObj(unit -> Unit.of(site, unit))
                            .toList());
        }
        int number = Integer.parseInt(name.group(2));
        if (name.group(3) != null) {
            return Target.of(Unit.of(site, number, Integer.parseInt(name.group(3))));
        }
        // Of a site with heads the number is a head's, which its magnitude stands for.
        return Target.of(Unit.of(site.heads() > 0 && site.units() > 0 ? site.magnitude() : site, number));
    }

    private static Site site(String name, Model model) {
        List<Site> there = model.changeable();
        return there.stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ModscanException("--units " + name
                        + ": there is no such site that can be changed; there are "
                        + there.stream().limit(MOST_SITES_NAMED).map(Site::name).toList()
                        + (there.size() > MOST_SITES_NAMED
                                ? " and " + (there.size() - MOST_SITES_NAMED) + " more"
                                : "")));
    }
}
