package io.modscan.metrics.contexts;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A token, a unit's value there, and the tokens around it. Immutable. */
public final class TokenContext {

    private final TokenPlace place;
    private final float value;
    private final float[] around;

    TokenContext(TokenPlace place, float value, float... around) {
        this.place = place;
        this.value = value;
        this.around = around;
    }

    /**
     * The prompt.
     *
     * @return its id
     */
    public String promptId() {
        return place.promptId();
    }

    /**
     * The prompt's labels.
     *
     * @return key to label
     */
    public Map<String, String> labels() {
        return place.labels();
    }

    /**
     * Where the token is.
     *
     * @return its index among the prompt's tokens, BOS counted in
     */
    public int position() {
        return place.position();
    }

    /**
     * The unit's value at the token.
     *
     * @return the activation
     */
    public float value() {
        return value;
    }

    /**
     * The ids of the token and of those around it.
     *
     * @return a copy, in order; fewer at either end of a prompt
     */
    public int[] ids() {
        return place.ids().clone();
    }

    /**
     * Which of the {@linkplain #ids() ids} is the token's.
     *
     * @return its index there
     */
    public int at() {
        return place.at();
    }

    /**
     * The unit's values at the token and at those around it.
     *
     * @return a copy, one for each of the {@linkplain #ids() ids}; NaN where there is none, as at BOS, at a token that was not kept, and
     *     around a {@linkplain UnitContexts#samples() sample}
     */
    public float[] values() {
        if (around.length > 0) {
            return around.clone();
        }
        float[] values = new float[place.ids().length];
        Arrays.fill(values, Float.NaN);
        values[at()] = value;
        return values;
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o == this
                || (o instanceof TokenContext other
                        && place.isAt(other.place)
                        && Float.compare(value, other.value) == 0
                        && Arrays.equals(place.ids(), other.place.ids())
                        && Arrays.equals(values(), other.values()));
    }

    @Override
    public int hashCode() {
        return Objects.hash(promptId(), position(), value);
    }

    @Override
    public String toString() {
        return value + " at token " + position() + " of '" + promptId() + "'";
    }
}
