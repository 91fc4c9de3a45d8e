package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Site;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** The contract holds for a small model of one's own, and each of its clauses catches a model that breaks it. */
class ModelContractTest {

    /** All that a model of one's own needs: what it computes of each token is twice its id, and its place. */
    private static class Small implements Model {
        static final Site SITE = new Site("twice", OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(2)), false);

        @Override
        public List<Site> sites() {
            return List.of(SITE);
        }

        @Override
        public OptionalInt maxTokens() {
            return OptionalInt.of(8);
        }

        @Override
        public OptionalInt vocabularySize() {
            return OptionalInt.of(50);
        }

        @Override
        public OptionalInt bosTokenId() {
            return OptionalInt.of(1);
        }

        @Override
        public Tokenizer tokenizer() {
            throw new UnsupportedOperationException("ids only");
        }

        @Override
        public Map<String, String> provenance() {
            return Map.of("model.name", "small");
        }

        @Override
        public ActivationSource open(CapturePlan plan) {
            return new Source(plan);
        }

        static class Source implements ActivationSource {
            private final CapturePlan plan;
            private boolean closed;

            Source(CapturePlan plan) {
                this.plan = plan;
            }

            @Override
            public CapturePlan plan() {
                return plan;
            }

            @Override
            public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                check();
                for (int row = 0; row < batch.rows(); row++) {
                    for (int i = 0; i < batch.length(row); i++) {
                        int column = row * batch.columns() + batch.first(row) + i;
                        write(outputs.get(0), 2 * column, batch.inputIds().get(column), i);
                    }
                }
            }

            void check() {
                if (closed) {
                    throw new IllegalStateException("closed");
                }
                if (Thread.currentThread().isInterrupted()) {
                    throw new CancellationException("interrupted");
                }
            }

            void write(FloatBuffer output, int at, long id, int place) {
                output.put(at, 2f * id).put(at + 1, place);
            }

            @Override
            public void close() {
                closed = true;
            }
        }
    }

    private static void fails(Model model, String message) {
        assertThatThrownBy(() -> ModelContract.of(model).verify())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(message);
    }

    @Test
    void holdsForASmallModelAndForTheFakeWhetherItPoolsOrNot() {
        assertThatCode(() -> ModelContract.of(new Small()).verify()).doesNotThrowAnyException();
        FakeModel fake = new FakeModel();
        assertThatCode(() -> ModelContract.of(fake).verify()).doesNotThrowAnyException();
        fake.pools = false;
        assertThatCode(() -> ModelContract.of(fake).verify()).doesNotThrowAnyException();
        assertThatCode(() -> ModelContract.of(fake, Prompts.of("abc", "z")).verify())
                .doesNotThrowAnyException();
    }

    @Test
    void catchesAValueThatIsNotWritten() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            void write(FloatBuffer output, int at, long id, int place) {
                                output.put(at, 2f * id);
                            }
                        };
                    }
                },
                "leaves the value of twice at 1 of row 0 of the batch unwritten");
    }

    @Test
    void catchesABatchThatIsNotWrittenAndARowThatIsNot() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            private boolean written;

                            @Override
                            public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                                if (!written) {
                                    super.run(batch, outputs);
                                }
                                written = true;
                            }
                        };
                    }
                },
                "leaves the value of twice at 0 of row 0 of the batch unwritten");
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            void write(FloatBuffer output, int at, long id, int place) {
                                if (at + 2 < output.capacity()) {
                                    super.write(output, at, id, place);
                                }
                            }
                        };
                    }
                },
                "unwritten");
    }

    /** A NaN that was computed is a value like another. */
    @Test
    void takesNaNThatWasWritten() {
        Model model = new Small() {
            @Override
            public ActivationSource open(CapturePlan plan) {
                return new Source(plan) {
                    @Override
                    void write(FloatBuffer output, int at, long id, int place) {
                        output.put(at, Float.NaN).put(at + 1, place);
                    }
                };
            }
        };
        assertThatCode(() -> ModelContract.of(model).verify()).doesNotThrowAnyException();
    }

    @Test
    void catchesAPromptThatSeesItsNeighbours() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                                super.run(batch, outputs);
                                for (int i = 0; i < outputs.get(0).capacity(); i++) {
                                    outputs.get(0).put(i, outputs.get(0).get(i) + batch.rows());
                                }
                            }
                        };
                    }
                },
                "run alone, not in company");
    }

    @Test
    void catchesPaddingOnTheLeftThatCounts() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            public void run(TokenBatch batch, List<FloatBuffer> outputs) {
                                check();
                                for (int i = 0; i < batch.rows() * batch.columns(); i++) {
                                    write(
                                            outputs.get(0),
                                            2 * i,
                                            batch.inputIds().get(i),
                                            i % batch.columns());
                                }
                            }
                        };
                    }
                },
                "padded on the left");
    }

    @Test
    void catchesAnInterruptThatIsNotHeard() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            void check() {
                                // hears nothing
                            }
                        };
                    }
                },
                "interrupted thread goes on");
    }

    /** Waits as a long run does, and makes of an interrupt meanwhile what it is told. */
    private static Model interruptedMeanwhile(Runnable then) {
        return new Small() {
            @Override
            public ActivationSource open(CapturePlan plan) {
                return new Source(plan) {
                    @Override
                    void check() {
                        // First, so that an interrupt ends here whenever it comes.
                        if (Thread.currentThread().isDaemon()) {
                            try {
                                Thread.sleep(5);
                            } catch (InterruptedException e) {
                                then.run();
                            }
                        }
                        super.check();
                    }
                };
            }
        };
    }

    @Test
    void catchesWhatIsWrongWithAnInterruptDuringARun() {
        fails(
                interruptedMeanwhile(() -> {
                    throw new CancellationException("without the interrupt status");
                }),
                "clears the thread's interrupt status");
        fails(
                interruptedMeanwhile(() -> {
                    throw new IllegalArgumentException("another");
                }),
                "not a CancellationException");
        assertThatCode(() -> ModelContract.of(interruptedMeanwhile(
                                () -> Thread.currentThread().interrupt()))
                        .verify())
                .doesNotThrowAnyException();
    }

    @Test
    void catchesASourceThatRunsOnWhenClosed() {
        fails(
                new Small() {
                    @Override
                    public ActivationSource open(CapturePlan plan) {
                        return new Source(plan) {
                            @Override
                            public void close() {
                                // stays open
                            }
                        };
                    }
                },
                "a closed source runs");
    }

    @Test
    void catchesPoolingThatIsNotAProbes() {
        FakeModel fake = new FakeModel();
        fake.poolsBosTwice = true;
        fails(fake, "the model's own pooling");
    }

    @Test
    void catchesOtherPositionsThanThoseChosen() {
        FakeModel fake = new FakeModel();
        fake.ignoresChoice = true;
        fails(fake, "keeping only the last 2 tokens");
    }

    @Test
    void catchesFactsThatChange() {
        fails(
                new Small() {
                    private int asked;

                    @Override
                    public Map<String, String> provenance() {
                        return Map.of("asked", Integer.toString(asked++));
                    }
                },
                "other facts");
        fails(
                new Small() {
                    @Override
                    public List<Site> sites() {
                        return List.of(SITE, SITE);
                    }
                },
                "has twice twice");
        fails(
                new Small() {
                    @Override
                    public OptionalInt bosTokenId() {
                        return OptionalInt.of(50);
                    }
                },
                "outside of the vocabulary");
    }

    @Test
    void needsPromptsWhereTheVocabularyIsNotKnown() {
        Model unknown = new Small() {
            @Override
            public OptionalInt vocabularySize() {
                return OptionalInt.empty();
            }
        };
        assertThatThrownBy(() -> ModelContract.of(unknown))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("give prompts");
    }
}
