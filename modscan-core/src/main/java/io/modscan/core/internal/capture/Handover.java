package io.modscan.core.internal.capture;

import java.nio.ByteBuffer;

/** Keeps what links hand on, batch by batch, until the next link takes it. */
interface Handover {

    /**
     * Keeps what a link hands on of a batch.
     *
     * @param link   the link's index
     * @param batch  the batch's
     * @param values until the buffers are used again
     */
    void keep(int link, int batch, ByteBuffer values);

    /**
     * Gives what the link before has handed on.
     *
     * @param link  the index of the link that takes it
     * @param batch the batch's
     * @param into  as large as what was kept
     */
    void give(int link, int batch, ByteBuffer into);
}
