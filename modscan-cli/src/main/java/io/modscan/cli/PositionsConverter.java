package io.modscan.cli;

import io.modscan.core.token.Positions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a choice of positions, and says what there is to choose from. */
final class PositionsConverter implements ITypeConverter<Positions> {

    @Override
    public Positions convert(String text) {
        try {
            Positions positions = Positions.parse(text);
            if (positions.isByText()) {
                throw new TypeConversionException(
                        "a condition on tokens is code, which only a program of one's own has;"
                                + " choose positions by number, by span or by id");
            }
            return positions;
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
    }
}
