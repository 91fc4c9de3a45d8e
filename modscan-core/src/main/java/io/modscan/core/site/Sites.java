package io.modscan.core.site;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The catalogue of site selectors, named as in TransformerLens. */
public final class Sites {

    private static final Pattern DIGITS = Pattern.compile("\\d+");
    private static final Pattern BACKWARD = Pattern.compile("(.+)(\\.gradient|\\.attribution)(|\\.magnitude)");
    private static final Pattern PICKS = Pattern.compile("(.+)\\[(\\d{1,9}(?:, ?\\d{1,9})*)]");

    private Sites() {}

    /**
     * Every site of the model, those on demand excepted.
     *
     * @return the selector
     */
    public static SiteSelector all() {
        return glob("*");
    }

    /**
     * The sites whose name matches a pattern in which {@code *} stands for any characters, dots and slashes included, and
     * {@code ?} for one. A glob may begin at any part of the name, behind a dot or a slash: {@code hook_z} means
     * {@code hook_z} of every layer.
     *
     * @param glob such as {@code blocks.*.attn.hook_z}, {@code blocks.3.*} or a full name
     * @return the selector, which names a site if the last part of the glob spells the last part of the site's name (for
     *     magnitudes of a site on demand, the last two parts)
     */
    public static SiteSelector glob(String glob) {
        Matcher picks = PICKS.matcher(glob);
        if (picks.matches()) {
            int[] units = Arrays.stream(picks.group(2).split(","))
                    .map(String::strip)
                    .mapToInt(Integer::parseInt)
                    .toArray();
            return new GlobOrDerived(new Glob(glob), picked(glob(picks.group(1)), units));
        }
        Matcher backward = BACKWARD.matcher(glob);
        if (backward.matches()) {
            SiteSelector derived = backward(new Glob(backward.group(1)), backward.group(2));
            return new GlobOrDerived(new Glob(glob), backward.group(3).isEmpty() ? derived : derived.magnitude());
        }
        return new Glob(glob);
    }

    /**
     * The token embeddings.
     *
     * @return {@code hook_embed}
     */
    public static SiteSelector embed() {
        return glob("hook_embed");
    }

    /**
     * What each block is given.
     *
     * @return {@code hook_resid_pre} of every layer
     */
    public static SiteSelector residPre() {
        return hook("hook_resid_pre");
    }

    /**
     * What each block's MLP half is given.
     *
     * @return {@code hook_resid_mid} of every layer
     */
    public static SiteSelector residMid() {
        return hook("hook_resid_mid");
    }

    /**
     * What each block hands on.
     *
     * @return {@code hook_resid_post} of every layer
     */
    public static SiteSelector residPost() {
        return hook("hook_resid_post");
    }

    /**
     * The queries, before scaling.
     *
     * @return {@code attn.hook_q} of every layer
     */
    public static SiteSelector q() {
        return hook("attn.hook_q");
    }

    /**
     * The keys.
     *
     * @return {@code attn.hook_k} of every layer
     */
    public static SiteSelector k() {
        return hook("attn.hook_k");
    }

    /**
     * The values.
     *
     * @return {@code attn.hook_v} of every layer
     */
    public static SiteSelector v() {
        return hook("attn.hook_v");
    }

    /**
     * The attention scores, scaled and masked.
     *
     * @return {@code attn.hook_attn_scores} of every layer
     */
    public static SiteSelector attnScores() {
        return hook("attn.hook_attn_scores");
    }

    /**
     * The attention patterns.
     *
     * @return {@code attn.hook_pattern} of every layer
     */
    public static SiteSelector pattern() {
        return hook("attn.hook_pattern");
    }

    /**
     * The heads' outputs: values averaged by the pattern.
     *
     * @return {@code attn.hook_z} of every layer
     */
    public static SiteSelector z() {
        return hook("attn.hook_z");
    }

    /**
     * Each head's own write to the residual stream, without the bias.
     *
     * @return {@code attn.hook_result} of every layer
     */
    public static SiteSelector result() {
        return hook("attn.hook_result");
    }

    /**
     * The attention's write to the residual stream, bias included.
     *
     * @return {@code hook_attn_out} of every layer
     */
    public static SiteSelector attnOut() {
        return hook("hook_attn_out");
    }

    /**
     * The neurons before the activation function.
     *
     * @return {@code mlp.hook_pre} of every layer
     */
    public static SiteSelector mlpPre() {
        return hook("mlp.hook_pre");
    }

    /**
     * The neurons after the activation function.
     *
     * @return {@code mlp.hook_post} of every layer
     */
    public static SiteSelector mlpPost() {
        return hook("mlp.hook_post");
    }

    /**
     * The MLP's write to the residual stream, bias included.
     *
     * @return {@code hook_mlp_out} of every layer
     */
    public static SiteSelector mlpOut() {
        return hook("hook_mlp_out");
    }

    /**
     * The logits.
     *
     * @return {@code logits}
     */
    public static SiteSelector logits() {
        return glob("logits");
    }

    /**
     * The negative log likelihood of each token given those before it, in nats. A prompt's first token has none: it is
     * NaN, and no pooling counts it. So a prompt of one token pools to NaN.
     *
     * @return {@code loss}
     */
    public static SiteSelector loss() {
        return glob("loss");
    }

    /**
     * The logits of some tokens at each position; the others never leave the model.
     *
     * @param tokenIds the tokens' ids
     * @return a selector of {@code logits[ID,…]}
     */
    public static SiteSelector logits(int... tokenIds) {
        return logits().picking(tokenIds);
    }

    /**
     * The natural logarithms of the probabilities that the model gives some tokens to come next, at each position; the others never
     * leave the model.
     *
     * @param tokenIds the tokens' ids
     * @return a selector of {@code log_probs[ID,…]}
     */
    public static SiteSelector logProbs(int... tokenIds) {
        return glob("log_probs").picking(tokenIds);
    }

    /**
     * At each position, how far what the model says of the next token lies from what it says in an untouched run: the Kullback–Leibler
     * divergence KL(untouched ‖ this), in nats. Sums of float32 logarithms round, so what is below some 1e-5 nats is no difference. There for a model that was given that run's last residual stream, as
     * {@code OptModel.startingAt} does.
     *
     * @return a selector of {@code kl}
     */
    public static SiteSelector kl() {
        return glob("kl");
    }

    private static SiteSelector hook(String hook) {
        return glob("blocks.*." + hook);
    }

    static SiteSelector inLayers(SiteSelector selector, int... layers) {
        int[] wanted = layers.clone();
        return new Delegating(selector, selector + " in layers " + Arrays.toString(wanted)) {
            @Override
            public boolean selects(Site site) {
                return site.layer().isPresent()
                        && Arrays.stream(wanted)
                                .anyMatch(layer -> layer == site.layer().getAsInt())
                        && inner.selects(site);
            }
        };
    }

    static SiteSelector magnitudeOf(SiteSelector selector) {
        return new Delegating(selector, "magnitude of " + selector) {
            @Override
            public boolean selects(Site site) {
                return site.magnitudeOf().filter(inner::selects).isPresent();
            }

            @Override
            public SiteSelector gradient() {
                throw backwards();
            }

            @Override
            public SiteSelector attribution() {
                throw backwards();
            }

            private IllegalArgumentException backwards() {
                return new IllegalArgumentException(
                        "magnitudes are taken last: ask for the magnitude of the gradient, not for the gradient of the magnitude");
            }

            @Override
            public boolean names(Site site) {
                // Asking for magnitudes names those of each site that would be read; the rest has to be named itself.
                return site.magnitudeOf()
                        .filter(of -> !of.onDemand() || inner.names(of))
                        .isPresent();
            }
        };
    }

    static SiteSelector picked(SiteSelector selector, int... units) {
        int[] own = units.clone();
        String list = Arrays.toString(own).replace(" ", "");
        return new Delegating(selector, selector + list) {
            @Override
            public boolean selects(Site site) {
                return site.derivedFrom().isEmpty() && inner.selects(site);
            }

            /** Whoever picks units means the site. */
            @Override
            public boolean names(Site site) {
                return true;
            }

            @Override
            public Site of(Site site) {
                return inner.of(site).pick(own);
            }
        };
    }

    /** A selector that narrows another and tells itself by a description. */
    private abstract static class Delegating implements SiteSelector {
        final SiteSelector inner;
        private final String description;

        Delegating(SiteSelector inner, String description) {
            this.inner = inner;
            this.description = description;
        }

        @Override
        public boolean names(Site site) {
            return inner.names(site);
        }

        @Override
        public Site of(Site site) {
            return inner.of(site);
        }

        @Override
        public String toString() {
            return description;
        }
    }

    /** What a backward pass gives of sites, or of what that is the magnitude. */
    static SiteSelector backward(SiteSelector selector, String suffix) {
        return new Delegating(selector, selector + suffix) {
            @Override
            public boolean selects(Site site) {
                Site forward = site.forward();
                boolean meant = inner.selects(forward) && (hasParts(forward) || inner.names(forward));
                // Of a recording, the gradients themselves are among the sites.
                return meant && (site.equals(forward) || of(site).equals(site));
            }

            /** A recorded gradient that is selected is meant; one of the network's sites as far as that site is. */
            @Override
            public boolean names(Site site) {
                return !site.equals(site.forward()) || inner.names(site);
            }

            @Override
            public Site of(Site site) {
                Site wanted = inner.of(site.forward());
                Site of = wanted.forward();
                Site derived = suffix.equals(".gradient") ? of.gradient() : of.attribution();
                return wanted.picked()
                        .map(picked -> derived.pick(picked.units().stream()
                                .mapToInt(Integer::intValue)
                                .toArray()))
                        .orElse(derived);
            }

            private boolean hasParts(Site site) {
                return site.units() > 0 || site.heads() > 0 || site.isPairwise();
            }

            @Override
            public SiteSelector magnitude() {
                return new Delegating(this, this + ".magnitude") {
                    @Override
                    public boolean selects(Site site) {
                        // Of a recording, the magnitudes themselves may be among the sites.
                        return site.magnitudeOf()
                                .map(of -> of.backward().isPresent() && inner.selects(of))
                                .orElseGet(() ->
                                        inner.selects(site) && inner.of(site).units() > 0);
                    }

                    @Override
                    public Site of(Site site) {
                        return site.magnitudeOf().isPresent()
                                ? site
                                : inner.of(site).magnitude();
                    }
                };
            }
        };
    }

    /** A name that ends as derived sites' do: a site that is called so, as in foreign models, or what is derived of one that is called as what is before that. */
    private static final class GlobOrDerived extends Delegating {
        private final SiteSelector derived;

        GlobOrDerived(Glob whole, SiteSelector derived) {
            super(whole, whole.toString());
            this.derived = derived;
        }

        @Override
        public boolean selects(Site site) {
            return inner.selects(site) || derived.selects(site);
        }

        @Override
        public boolean names(Site site) {
            return inner.selects(site) ? inner.names(site) : derived.names(site);
        }

        @Override
        public Site of(Site site) {
            return inner.selects(site) ? site : derived.of(site);
        }
    }

    private static final class Glob implements SiteSelector {
        private final String glob;
        private final Pattern pattern;
        private final String lastPart;

        Glob(String glob) {
            this.glob = glob;
            this.lastPart = Site.lastPart(glob);
            String regex = glob.chars()
                    .mapToObj(c -> c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(Character.toString(c)))
                    .collect(Collectors.joining());
            this.pattern = Pattern.compile("(.*[./])?" + regex, Pattern.DOTALL);
        }

        @Override
        public boolean selects(Site site) {
            return pattern.matcher(site.name()).matches();
        }

        @Override
        public boolean names(Site site) {
            return lastPart.equals(site.hook())
                    // "magnitude" is the last part for all, so it does not spell a site that has to be spelled.
                    && site.magnitudeOf()
                            .filter(Site::onDemand)
                            .map(of -> glob.endsWith(of.hook() + "." + lastPart))
                            .orElse(true);
        }

        @Override
        public String toString() {
            return glob;
        }
    }

    /** Says in a message which selector it was; a lambda has no name to go by. */
    static String describe(SiteSelector selector) {
        return selector.getClass().isHidden() ? "the given selector" : "'" + selector + "'";
    }

    /** The names nearest to what matched nothing, for the message that says so. */
    static List<String> near(SiteSelector selector, List<Site> available) {
        SiteSelector innermost = selector;
        while (innermost instanceof Delegating delegating) {
            innermost = delegating.inner;
        }
        // A glob may begin at any part of the name, and what is derived is near what its site is near.
        Matcher backward = BACKWARD.matcher(innermost.toString());
        String asked = "*" + (backward.matches() ? backward.group(1) : innermost);
        // One layer of each kind is enough to show.
        Set<String> kinds = new HashSet<>();
        return available.stream()
                .map(Site::name)
                .filter(name -> kinds.add(DIGITS.matcher(name).replaceAll("#")))
                .sorted(Comparator.comparingInt(name -> distance(asked, name)))
                .limit(5)
                .toList();
    }

    /** Levenshtein's distance, a wildcard standing for anything at no cost. */
    private static int distance(String asked, String name) {
        int[] previous = new int[name.length() + 1];
        for (int j = 0; j <= name.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= asked.length(); i++) {
            int[] current = new int[name.length() + 1];
            boolean wild = asked.charAt(i - 1) == '*';
            current[0] = previous[0] + (wild ? 0 : 1);
            for (int j = 1; j <= name.length(); j++) {
                int same = asked.charAt(i - 1) == name.charAt(j - 1) ? 0 : 1;
                current[j] = wild
                        ? Math.min(previous[j], current[j - 1])
                        : Math.min(previous[j - 1] + same, Math.min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[name.length()];
    }
}
