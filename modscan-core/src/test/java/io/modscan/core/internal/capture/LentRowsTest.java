package io.modscan.core.internal.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.ref.WeakReference;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;

class LentRowsTest {

    @Test
    void rowsThatAreTakenBackAreNoLongerHeld() throws InterruptedException {
        FloatBuffer[] rows = {FloatBuffer.wrap(new float[] {1, 2}), FloatBuffer.allocate(3)};
        WeakReference<FloatBuffer> first = new WeakReference<>(rows[0]);
        LentRows lent = new LentRows(rows);
        assertThat(lent.get(0).get(1)).isEqualTo(2f);
        lent.takeBack();
        rows = null;
        for (int i = 0; i < 50 && first.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertThat(first.get()).isNull();
        assertThat(lent.size()).isEqualTo(2);
        assertThatThrownBy(() -> lent.get(0)).isInstanceOf(IllegalStateException.class);
    }
}
