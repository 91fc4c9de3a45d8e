package io.modscan.metrics.attention;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Makes a few numbers a head and prompt of what there is for each query and key.
 *
 * @param selector which sites it is made of
 * @param what     what these are, for messages
 * @param advice   what to do where there is none, for messages
 * @param suffix   what a made site's name has more than that of the one it is made of
 * @param names    what the numbers are called, in order
 * @param numbers  makes them of one head and prompt
 */
record HeadView(
        SiteSelector selector,
        String what,
        String advice,
        String suffix,
        List<String> names,
        Function<Square, double[]> numbers)
        implements UnaryOperator<Activations> {

    @Override
    public Activations apply(Activations activations) {
        List<Site> sites =
                activations.sites().stream().map(SiteActivations::site).toList();
        // What was made once is not made again.
        if (sites.stream().noneMatch(site -> selector.reads(site) || site.axes().contains(Axis.units(names)))) {
            throw new ModscanException(
                    "there is no " + what + " to tell " + suffix + " from among " + sites + "; " + advice);
        }
        return activations.map(site -> selector.reads(site.site()) ? made(activations, site) : site);
    }

    private SiteActivations made(Activations activations, SiteActivations squares) {
        Site site = squares.site();
        if (!site.isPairwise()) {
            throw new ModscanException(site + " is no " + what + ": it has the axes "
                    + site.axes().stream().map(Axis::role).toList() + ", not QUERY and KEY");
        }
        List<Axis> axes = new ArrayList<>();
        if (site.heads() > 0) {
            axes.add(Axis.heads(site.heads()));
        }
        axes.add(Axis.units(names));
        Site made = new Site(site.name() + "." + suffix, site.layer(), axes, true);
        return squares.derived(made, Pooling.none(), prompt -> {
            Interrupt.checkThisThread();
            FloatBuffer row = squares.row(prompt);
            int heads = Math.max(1, site.heads());
            int tokens = (int) Math.round(Math.sqrt(row.capacity() / (double) heads));
            if ((long) heads * tokens * tokens != row.capacity()) {
                throw new ModscanException(site + " of prompt " + prompt + " has " + row.capacity() + " values in "
                        + heads + " heads, which are not as many keys as queries");
            }
            float[] values = new float[heads * names.size()];
            for (int head = 0; head < heads; head++) {
                double[] ofHead = numbers.apply(new Square(row, head, tokens, beginsWithBos(activations, prompt)));
                for (int i = 0; i < ofHead.length; i++) {
                    values[head * ofHead.length + i] = (float) ofHead[i];
                }
            }
            return values;
        });
    }

    /** 1 if it does, 0 if not, NaN if that is not known. */
    private static double beginsWithBos(Activations activations, int prompt) {
        return !activations.knowsBos(prompt) ? Double.NaN : activations.beginsWithBos(prompt) ? 1 : 0;
    }
}
