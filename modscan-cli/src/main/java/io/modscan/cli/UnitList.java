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

/** What {@code --units} and {@code --unit} name: heads, neurons and dimensions by their number, or whole sites. */
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
            Site site = site("--units", matcher.group(1), model.changeable(), "that can be changed");
            try {
                targets.add(target(site, matcher));
            } catch (IllegalArgumentException e) {
                throw new ModscanException("--units " + name + ": " + e.getMessage(), e);
            }
        }
        return targets;
    }

    /** The one unit that is named. */
    static Unit unit(String name, Model model, CommandLine line) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches() || matcher.group(2) == null) {
            throw new ParameterException(
                    line,
                    "--unit takes SITE:N, such as blocks.3.attn.hook_z:5 for head 5 or blocks.2.mlp.hook_post:17 for neuron 17,"
                            + " or SITE:HEAD.N for a dimension of a head; '" + name + "' is none");
        }
        Site site = site("--unit", matcher.group(1), model.sites(), "with a value for each token");
        try {
            return unit(site, matcher);
        } catch (IllegalArgumentException e) {
            throw new ModscanException("--unit " + name + ": " + e.getMessage(), e);
        }
    }

    private static Target target(Site site, Matcher name) {
        if (name.group(2) == null) {
            return new Target(
                    "all of " + site.name(),
                    IntStream.range(0, site.width())
                            .mapToObj(unit -> Unit.of(site, unit))
                            .toList());
        }
        return Target.of(unit(site, name));
    }

    private static Unit unit(Site site, Matcher name) {
        int number = Integer.parseInt(name.group(2));
        if (name.group(3) != null) {
            return Unit.of(site, number, Integer.parseInt(name.group(3)));
        }
        // Of a site with heads the number is a head's, which its magnitude stands for.
        return Unit.of(site.heads() > 0 && site.units() > 0 ? site.magnitude() : site, number);
    }

    private static Site site(String option, String name, List<Site> all, String what) {
        List<Site> there = all.stream()
                .filter(site -> site.hasPositions() || option.equals("--units"))
                .toList();
        return there.stream()
                .filter(site -> site.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new ModscanException(option + " " + name
                        + ": there is no such site " + what + "; there are "
                        + there.stream().limit(MOST_SITES_NAMED).map(Site::name).toList()
                        + (there.size() > MOST_SITES_NAMED
                                ? " and " + (there.size() - MOST_SITES_NAMED) + " more"
                                : "")));
    }
}
