package io.modscan.metrics.similarity;

/** In what precision the similarities between all prompts are computed and kept. What goes in is float32 either way. */
public enum Precision {

    /**
     * Double precision: 4n² bytes for n prompts, outside the heap if there are many. The error of a similarity is that of a dot product of d values that was summed
     * in double precision, at most d · 2<sup>−53</sup> and in practice below 1e-14.
     */
    DOUBLE,

    /**
     * Single precision, for speed: 2n² bytes for n prompts, outside the heap if there are many, and where a fast matrix product is on the class path about half the
     * time. Vectors are brought to scale and centred in double precision and only then rounded, so that huge and tiny values do
     * no harm, and what all prompts have in common is exact. Rounding the vectors and the result adds an error of at most 8e-7,
     * and in practice less than 1e-7: that is all where the product sums in double precision, as the one in plain Java
     * does. A product that sums d values in single precision adds at most d · 2<sup>−22</sup>; seen were 3e-7 for 768 values, and
     * 2e-6 where half of the prompts point one way and half the opposite. Differences smaller than that are lost, such as the
     * distance 1 − s of vectors that are nearly equal. Small sets are compared pair by pair in double precision, and only the
     * result is rounded.
     */
    SINGLE
}
