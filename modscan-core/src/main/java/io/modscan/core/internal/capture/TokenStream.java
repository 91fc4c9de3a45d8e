package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.Positions;
import io.modscan.core.token.PromptTokens;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tokenizes prompts on a thread of its own, ahead of what is computed, and hands them on in chunks. */
public final class TokenStream implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(TokenStream.class);

    private static final long MILLIS_BETWEEN_LOOKS = 100;
    private static final long MILLIS_TO_END = 500;

    /** Stands for what failed. */
    private static final Chunk FAILED = new Chunk(0, List.of(), List.of(), List.of(), 0, true);

    private final Model model;
    private final CapturePlan plan;
    private final List<Site> sites;
    private final boolean cutOverlong;
    private final int maxTokens;
    private final Share share;
    private final List<Positions> choices;
    private final BiFunction<Prompt, PromptTokens, Prompt> handed;
    private final OptionalLong promptsExpected;
    private final BlockingQueue<Chunk> ready;
    private final Thread thread;

    private volatile long promptsRead;
    private volatile long tokensRead;
    private volatile boolean readToTheEnd;
    private volatile @Nullable Throwable failure;
    private volatile boolean closed;
    private boolean ended;

    /** Which part of a chunk a prompt fills. A chunk ends before the prompt with which it would be more than full. */
    @FunctionalInterface
    interface Share {
        /** The part, not negative; may throw what is wrong with the prompt. */
        double of(Prompt prompt, PromptTokens tokens);
    }

    /**
     * Begins to tokenize.
     *
     * @param share  which part of a chunk a prompt fills
     * @param handed what is to be had of each prompt, made of it and its tokens
     * @param ahead  whether all is tokenized as soon as can be, or no more than the chunk that is to be taken next
     */
    TokenStream(
            Model model,
            CapturePlan plan,
            boolean cutOverlong,
            Spliterator<? extends Prompt> prompts,
            Share share,
            BiFunction<Prompt, PromptTokens, Prompt> handed,
            boolean ahead) {
        this.model = model;
        this.plan = plan;
        this.choices = plan.chosen();
        this.sites = plan.attributed().isEmpty() ? List.of() : model.sites();
        this.cutOverlong = cutOverlong;
        this.maxTokens = model.maxTokens().orElse(Integer.MAX_VALUE);
        this.share = share;
        long exact = prompts.getExactSizeIfKnown();
        this.promptsExpected = exact < 0 ? OptionalLong.empty() : OptionalLong.of(exact);
        this.handed = handed;
        this.ready = ahead ? new LinkedBlockingQueue<>() : new SynchronousQueue<>();
        this.thread = new Thread(() -> read(prompts), "modscan-tokenizer");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for the next chunk.
     *
     * @return the chunk, or null if there is none left
     * @throws CancellationException if the thread is interrupted
     * @throws RuntimeException      what the prompts or the tokenizer threw
     */
    @Nullable
    Chunk next() {
        if (ended) {
            return null;
        }
        try {
            Chunk chunk = ready.take();
            failIf(chunk.prompts().isEmpty());
            ended = chunk.last();
            return chunk;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for prompts");
        }
    }

    /** Throws what failed further ahead, before what lies between is computed in vain. */
    void failEarly() {
        failIf(failure != null);
    }

    private void failIf(boolean failed) {
        Throwable cause = failure;
        if (!failed) {
            return;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        if (cause instanceof RuntimeException exception) {
            throw exception;
        }
        throw new ModscanException("reading the prompts failed: " + cause, cause);
    }

    /** How many prompts there are in all, if that is known by now. */
    OptionalLong promptsTotal() {
        return readToTheEnd ? OptionalLong.of(promptsRead) : promptsExpected;
    }

    /** How many tokens there are in all, if that is known by now or can be told from the prompts read so far. */
    OptionalLong tokensTotal() {
        long prompts = promptsRead;
        if (readToTheEnd || promptsExpected.isEmpty() || prompts == 0) {
            return readToTheEnd ? OptionalLong.of(tokensRead) : OptionalLong.empty();
        }
        return OptionalLong.of(Math.round((double) tokensRead / prompts * promptsExpected.getAsLong()));
    }

    private void read(Spliterator<? extends Prompt> prompts) {
        try {
            readAll(Spliterators.iterator(prompts));
        } catch (Throwable e) {
            failure = e;
            hand(FAILED);
        } finally {
            close(prompts);
        }
    }

    /** Waits until the chunk is taken, or nobody wants it any more. */
    private void hand(Chunk chunk) {
        boolean handed = false;
        while (!handed && !closed) {
            try {
                handed = ready.offer(chunk, MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                // By close, which the loop sees; whoever else it was has nothing to say here.
            }
        }
    }

    /** What reads a file may hold it open. */
    private static void close(Spliterator<? extends Prompt> prompts) {
        if (prompts instanceof AutoCloseable closeable) {
            try {
                closeable.close();
            } catch (Exception e) {
                LOG.warn("what the prompts came from cannot be closed", e);
            }
        }
    }

    private void readAll(Iterator<? extends Prompt> iterator) {
        Encoder encoder = new Encoder(model);
        long first = 0;
        long count = 0;
        long kept = 0;
        Set<String> spans = new TreeSet<>();
        double full = 0;
        long inputs = 0;
        List<Prompt> prompts = new ArrayList<>();
        List<PromptTokens> tokens = new ArrayList<>();
        List<Map<Positions, int[]>> chosen = new ArrayList<>();
        while (!closed && iterator.hasNext()) {
            Prompt prompt = iterator.next();
            Encoder.Encoded encoded = encoder.encode(prompt);
            PromptTokens run = fit(prompt, encoded);
            check(prompt, run, encoded.isTensors());
            Map<Positions, int[]> choice = choose(prompt, run, encoder);
            if (!plan.kept().isAll()) {
                run = run.keeping(Objects.requireNonNull(choice.get(plan.kept())));
            }
            kept += run.keptSize();
            run.spans().forEach(span -> spans.add(span.label()));
            double part = share.of(prompt, run);
            if (!prompts.isEmpty() && full + part > 1) {
                Chunk chunk = new Chunk(first, prompts, tokens, chosen, inputs, false);
                hand(chunk);
                first = chunk.end();
                full = 0;
                inputs = 0;
                prompts = new ArrayList<>();
                tokens = new ArrayList<>();
                chosen = new ArrayList<>();
            }
            full += part;
            inputs = Math.max(inputs, encoded.tensorBytes());
            // Ready tensors are needed once more to be run, so these prompts are handed on as they are.
            prompts.add(encoded.isTensors() ? prompt : handed.apply(prompt, run));
            tokens.add(run);
            if (!choices.isEmpty()) {
                chosen.add(choice);
            }
            promptsRead = first + prompts.size();
            count += run.size();
            tokensRead = count;
        }
        if (!closed && prompts.isEmpty()) {
            throw new ModscanException("there is no prompt to capture; at least one is needed");
        }
        if (!closed && kept == 0) {
            throw new ModscanException("no prompt has a token among the positions '" + plan.kept()
                    + "', so nothing would be kept; the prompts' spans are "
                    + (spans.isEmpty() ? "none" : spans.toString()));
        }
        readToTheEnd = true;
        hand(new Chunk(first, prompts, tokens, chosen, inputs, true));
    }

    private PromptTokens fit(Prompt prompt, Encoder.Encoded encoded) {
        PromptTokens tokens = encoded.tokens();
        if (tokens.size() <= maxTokens) {
            return tokens;
        }
        if (encoded.isTensors()) {
            throw new ModscanException("prompt '" + prompt.id() + "' has " + tokens.size()
                    + " positions; the model takes at most " + maxTokens
                    + ", and ready tensors are never cut: give shorter ones");
        }
        if (!cutOverlong) {
            throw new ModscanException("prompt '" + prompt.id() + "' has " + tokens.size()
                    + " tokens; the model takes at most " + maxTokens
                    + " (shorten it, or let the probe cut it: cutOverlong())");
        }
        LOG.warn(
                "prompt '{}' cut from {} to {} tokens",
                ModscanException.printable(prompt.id()),
                tokens.size(),
                maxTokens);
        return tokens.cut(maxTokens);
    }

    private Map<Positions, int[]> choose(Prompt prompt, PromptTokens tokens, Encoder encoder) {
        Map<Positions, int[]> chosen = new HashMap<>();
        for (Positions choice : choices) {
            chosen.put(choice, choice.of(tokens, model.bosTokenId(), encoder::text));
        }
        for (Reading reading : plan.readings()) {
            Positions positions = reading.pooling().positions();
            if (reading.choosesPositions()
                    && reading.pooling().isPooled()
                    && Objects.requireNonNull(chosen.get(positions)).length == 0) {
                throw new ModscanException("prompt '" + prompt.id() + "' has no token among the positions '" + positions
                        + "', so nothing of " + reading.site() + " is left to pool" + spansInWords(tokens)
                        + "; leave the prompt out, or choose other positions");
            }
        }
        return chosen;
    }

    private static String spansInWords(PromptTokens tokens) {
        return tokens.spans().isEmpty() ? "" : " (its spans in tokens: " + tokens.spans() + ")";
    }

    private void check(Prompt prompt, PromptTokens tokens, boolean tensors) {
        int[] ids = tokens.ids();
        if (ids.length == 0) {
            throw new ModscanException("prompt '" + prompt.id() + "' has no tokens");
        }
        if (!tensors) {
            checkVocabulary(prompt, ids);
        }
        boolean onlyBos = ids.length == 1 && OptionalInt.of(ids[0]).equals(model.bosTokenId());
        prompt.intervention().ifPresent(intervention -> check(prompt, intervention, ids.length));
        plan.objective().ifPresent(objective -> check(prompt, objective, ids.length));
        for (Reading reading : plan.readings()) {
            if (reading.values(ids.length) > Integer.MAX_VALUE / Float.BYTES) { // more than are kept, where some are
                throw new ModscanException("prompt '" + prompt.id() + "' has " + ids.length
                        + (tensors ? " positions" : " tokens") + ", so its values of "
                        + reading.site() + " take " + reading.values(ids.length) * Float.BYTES
                        + " bytes, more than one buffer holds; capture shorter prompts or pool them");
            }
            if (tensors && reading.pooling().positions().isById()) {
                throw new ModscanException("prompt '" + prompt.id() + "' is of ready tensors, which have no token ids"
                        + (reading.pooling().positions().isWithoutBos()
                                ? ": nothing tells whether they begin with BOS, so it cannot be left out of "
                                        + reading.site() + "; pool with BOS"
                                : ", so '" + reading.pooling().positions() + "' chooses none of them at "
                                        + reading.site() + "; choose positions by number or by span"));
            }
            if (onlyBos
                    && reading.pooling().isPooled()
                    && reading.pooling().positions().isWithoutBos()) {
                throw new ModscanException("prompt '" + prompt.id() + "' is only a BOS token, so nothing of "
                        + reading.site() + " is left to pool; drop the prompt, or pool with BOS");
            }
        }
    }

    private void check(Prompt prompt, Intervention intervention, int length) {
        try {
            model.check(intervention, plan, length);
        } catch (ModscanException e) {
            throw new ModscanException("prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
    }

    private void check(Prompt prompt, Objective objective, int length) {
        // A recording has some sites only.
        List<Site> known = model.objective().isPresent() ? List.of() : sites;
        List<Integer> tokens = objective.tokens(prompt.id(), prompt.labels());
        try {
            objective.weights(length);
            int size = model.vocabularySize().orElse(Integer.MAX_VALUE);
            for (int token : tokens) {
                if (token < 0 || token >= size) {
                    throw new ModscanException("the gradient's objective is " + objective + ", about token " + token
                            + "; the model's ids are 0 to " + (size - 1));
                }
            }
            prompt.toward().ifPresent(toward -> toward.checkToward(plan.attributed(), known, length, fingerprint()));
        } catch (ModscanException e) {
            throw new ModscanException("prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
    }

    private Optional<String> fingerprint() {
        return Optional.ofNullable(model.provenance().get("model.fingerprint"));
    }

    private void checkVocabulary(Prompt prompt, int... ids) {
        int size = model.vocabularySize().orElse(Integer.MAX_VALUE);
        for (int id : ids) {
            if (id < 0 || id >= size) {
                throw new ModscanException("prompt '" + prompt.id() + "' has the token id " + id
                        + "; the model's ids are 0 to " + (size - 1));
            }
        }
    }

    /** Stops tokenizing, so that the caller may close what the prompts came from. */
    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            // Not for ever: prompts may come from where nobody hears of an interrupt.
            thread.join(MILLIS_TO_END);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
