package io.modscan.core;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Link;
import io.modscan.core.model.TokenBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/** What a {@link ModelContract} asks of a source's links: that they give each reading once, and together what the source gives. */
final class LinkContract {

    private LinkContract() {}

    /** Runs a batch through a source's links, one behind the other. */
    static void run(ActivationSource source, TokenBatch batch, List<FloatBuffer> outputs) {
        List<Link> links = source.links();
        ModelContract.check(!links.isEmpty(), "links() is empty");
        List<Integer> given = new ArrayList<>();
        FloatBuffer stream = floats(0);
        for (Link link : links) {
            given.addAll(link.readings());
            ModelContract.check(link.blocks() > 0, "a link's blocks() is " + link.blocks() + ", not positive");
            FloatBuffer handedOn = floats((long) batch.rows() * batch.columns() * link.handsOn());
            try (Link.Opened opened = link.open()) {
                opened.run(
                        batch,
                        stream,
                        link.readings().stream().map(outputs::get).toList(),
                        handedOn);
            }
            stream = handedOn;
        }
        ModelContract.check(stream.capacity() == 0, "the last link hands something on");
        ModelContract.check(
                given.stream().distinct().count() == given.size() && given.size() == outputs.size(),
                "links give the readings " + given + ", not each of the " + outputs.size() + " once");
    }

    private static FloatBuffer floats(long count) {
        return ByteBuffer.allocateDirect(Math.toIntExact(count * Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
