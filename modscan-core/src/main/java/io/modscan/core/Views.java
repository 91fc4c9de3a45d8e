package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Derivation;
import io.modscan.core.internal.recording.RecordedRows;
import io.modscan.core.internal.recording.TokensDigest;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.nio.FloatBuffer;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Lists and facts that {@link Activations} are seen through: nothing is copied until it is asked for. */
final class Views {

    private Views() {}

    /** Takes from a list what belongs to some of the prompts. */
    private interface Picker {
        <T> List<T> from(List<T> list);

        List<FloatBuffer> fromRows(List<FloatBuffer> rows);
    }

    private static final class Picked<T> extends AbstractList<T> implements RandomAccess {
        private final List<T> list;
        private final int[] chosen;

        Picked(List<T> list, int[] chosen) {
            this.list = list;
            this.chosen = chosen;
        }

        @Override
        public T get(int index) {
            return list.get(chosen[index]);
        }

        @Override
        public int size() {
            return chosen.length;
        }
    }

    /** Rows that are read where they lie. */
    private static final class PickedRows extends RecordedRows {
        private final List<FloatBuffer> rows;
        private final IntUnaryOperator chosen;
        private final int size;

        PickedRows(List<FloatBuffer> rows, IntUnaryOperator chosen, int size) {
            this.rows = rows;
            this.chosen = chosen;
            this.size = size;
        }

        private int chosen(int index) {
            return chosen.applyAsInt(Objects.checkIndex(index, size));
        }

        @Override
        public FloatBuffer get(int index) {
            return rows.get(chosen(index));
        }

        @Override
        public int length(int index) {
            return RecordedRows.length(rows, chosen(index));
        }

        @Override
        public void read(int index, int at, float[] into) {
            RecordedRows.read(rows, chosen(index), at, into);
        }

        @Override
        public int size() {
            return size;
        }
    }

    /** Rows of which some are without their first values. */
    static final class ShortenedRows extends RecordedRows {
        private final List<FloatBuffer> rows;
        private final boolean[] which;
        private final int values;

        ShortenedRows(List<FloatBuffer> rows, boolean[] which, int values) {
            this.rows = rows;
            this.which = which;
            this.values = values;
        }

        private int first(int index) {
            return which[index] ? Math.min(values, RecordedRows.length(rows, index)) : 0;
        }

        @Override
        public FloatBuffer get(int index) {
            FloatBuffer row = rows.get(index);
            int first = which[index] ? Math.min(values, row.capacity()) : 0;
            return first == 0 ? row : row.slice(first, row.capacity() - first);
        }

        @Override
        public int length(int index) {
            return RecordedRows.length(rows, index) - first(index);
        }

        @Override
        public void read(int index, int at, float[] into) {
            RecordedRows.read(rows, index, first(index) + Objects.checkIndex(at, length(index) + 1), into);
        }

        @Override
        public int size() {
            return which.length;
        }
    }

    /** A list of which some elements are seen otherwise. */
    static final class Changed<T> extends AbstractList<T> implements RandomAccess {
        private final List<T> list;
        private final boolean[] which;
        private final UnaryOperator<T> change;

        Changed(List<T> list, boolean[] which, UnaryOperator<T> change) {
            this.list = list;
            this.which = which;
            this.change = change;
        }

        @Override
        public T get(int index) {
            T element = list.get(index);
            return which[index] ? change.apply(element) : element;
        }

        @Override
        public int size() {
            return which.length;
        }
    }

    /** Facts about some ids, hashed when first asked for: a metric that looks at each label by itself never asks. */
    static final class WithDigest implements Supplier<Map<String, String>> {
        private final Supplier<Map<String, String>> facts;
        private final Map<String, String> more;
        private final Prompts prompts;
        private final List<PromptTokens> tokens;
        private @Nullable Map<String, String> known;

        WithDigest(
                Supplier<Map<String, String>> facts,
                Map<String, String> more,
                Prompts prompts,
                List<PromptTokens> tokens) {
            this.facts = facts;
            this.more = more;
            this.prompts = prompts;
            this.tokens = tokens;
        }

        @Override
        public synchronized Map<String, String> get() {
            if (known == null) {
                known = new TreeMap<>(facts.get());
                known.putAll(more);
                known.putAll(TokensDigest.of(prompts, tokens));
            }
            return known;
        }
    }

    static Activations slice(Activations of, int from, int to) {
        return some(of, of.prompts().slice(from, to), new Picker() {
            @Override
            public <T> List<T> from(List<T> list) {
                return list.subList(from, to);
            }

            @Override
            public List<FloatBuffer> fromRows(List<FloatBuffer> rows) {
                return new PickedRows(rows, index -> from + index, to - from);
            }
        });
    }

    static Activations where(Activations of, Predicate<? super Prompt> test) {
        Prompts all = of.prompts();
        return chosen(
                of,
                IntStream.range(0, all.size())
                        .filter(i -> test.test(all.get(i)))
                        .toArray());
    }

    static Activations inOrderOfIds(Activations of) {
        Prompts all = of.prompts();
        return chosen(
                of,
                IntStream.range(0, all.size())
                        .boxed()
                        .sorted(Comparator.comparing(i -> all.get(i).id()))
                        .mapToInt(Integer::intValue)
                        .toArray());
    }

    private static Activations chosen(Activations of, int... chosen) {
        Prompts all = of.prompts();
        return some(of, Prompts.of(Arrays.stream(chosen).mapToObj(all::get).toList()), new Picker() {
            @Override
            public <T> List<T> from(List<T> list) {
                return new Picked<>(list, chosen);
            }

            @Override
            public List<FloatBuffer> fromRows(List<FloatBuffer> rows) {
                return new PickedRows(rows, index -> chosen[index], chosen.length);
            }
        });
    }

    private static Activations some(Activations of, Prompts some, Picker picker) {
        List<PromptTokens> tokens = picker.from(of.allTokens());
        List<Reading> readings = new ArrayList<>();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        for (SiteActivations site : of.sites()) {
            readings.add(site.reading());
            rows.add(picker.fromRows(site.rows()));
        }
        return new Activations(
                some,
                tokens,
                new WithDigest(of.facts(), Map.of(), some, tokens),
                of.isLent(),
                readings,
                rows,
                of.fits());
    }

    /** Several pieces of one measurement, one behind the other; all are of the same readings. */
    static Activations concat(List<Activations> pieces) {
        if (pieces.size() == 1) {
            return pieces.get(0);
        }
        List<Prompt> prompts = new ArrayList<>();
        List<PromptTokens> tokens = new ArrayList<>();
        List<Reading> readings =
                pieces.get(0).sites().stream().map(SiteActivations::reading).toList();
        List<List<FloatBuffer>> rows = new ArrayList<>();
        readings.forEach(reading -> rows.add(new ArrayList<>()));
        for (Activations piece : pieces) {
            piece.prompts().forEach(prompts::add);
            tokens.addAll(piece.allTokens());
            List<SiteActivations> sites = piece.sites();
            for (int i = 0; i < sites.size(); i++) {
                rows.get(i).addAll(sites.get(i).rows());
            }
        }
        Prompts all = Prompts.of(prompts);
        return new Activations(
                all,
                tokens,
                new WithDigest(pieces.get(0).facts(), Map.of(), all, tokens),
                false,
                readings,
                rows,
                fits(pieces));
    }

    /** Pieces that were seen through several fits are of the prompts of each. */
    private static List<FittedPrompts> fits(List<Activations> pieces) {
        return IntStream.range(0, pieces.get(0).sites().size())
                .mapToObj(site -> FittedPrompts.together(
                        pieces.stream().map(piece -> piece.fits().get(site)).collect(Collectors.toSet())))
                .toList();
    }

    /** What still has positions, pooled. */
    static Activations pooled(Activations of, Pooling pooling) {
        return of.map(site -> {
            if (!site.isPerToken()) {
                return site;
            }
            Positions kept = site.pooling().positions();
            Positions asked = pooling.positions();
            if (!kept.isAll() && !asked.isAll() && !asked.equals(kept)) {
                throw new ModscanException(site.site() + " was kept at the positions '" + kept
                        + "' only, so it cannot be pooled over '" + asked + "'; capture all positions, or these");
            }
            // Of some that were kept, these are all that there are.
            Pooling over = kept.isAll() ? pooling : pooling.over(kept);
            Derivation derivation = new Derivation(new Reading(site.site(), over), 0, false, kept.isAll(), true);
            return site.derived(site.site(), over, prompt -> {
                boolean hasBos = kept.isAll() && over.positions().isWithoutBos() && of.beginsWithBos(prompt);
                return derivation.pool(
                        site.row(prompt),
                        positions -> kept.isAll()
                                ? of.chosen(positions, prompt)
                                : of.tokens(prompt).kept(),
                        hasBos);
            });
        });
    }
}
