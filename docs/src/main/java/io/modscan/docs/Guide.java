package io.modscan.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.ext.heading.anchor.HeadingAnchorExtension;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Heading;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;

/** Renders the README, the guide and what else is told in Markdown as pages beside the Javadoc. */
final class Guide {

    private static final List<Extension> EXTENSIONS =
            List.of(TablesExtension.create(), HeadingAnchorExtension.create());
    private static final Parser PARSER = Parser.builder().extensions(EXTENSIONS).build();
    private static final HtmlRenderer RENDERER =
            HtmlRenderer.builder().extensions(EXTENSIONS).build();

    private static final String PAGE = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>%1$s</title>
            <style>
            :root { color-scheme: light dark; }
            body { max-width: 52rem; margin: 0 auto; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif; }
            nav { border-bottom: 1px solid #8888; padding-bottom: .5rem; }
            pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: 4px; font-size: .85rem; line-height: 1.4; }
            table { display: block; overflow-x: auto; border-collapse: collapse; }
            th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border: 1px solid #8886; }
            img { max-width: 100%%; }
            </style>
            </head>
            <body>
            <nav><a href="%2$sREADME.html">modscan</a> · <a href="%2$sdocs/guide/README.html">guide</a> ·
            <a href="%2$sapidocs/index.html">Javadoc</a></nav>
            <main>
            %3$s</main>
            </body>
            </html>
            """;

    private final Path root;
    private final Path site;

    private Guide(Path root, Path site) {
        this.root = root;
        this.site = site;
    }

    /**
     * Makes the pages.
     *
     * @param args the project's folder and the site's
     * @throws IOException if a page cannot be read or written
     */
    public static void main(String[] args) throws IOException {
        Guide guide = new Guide(Path.of(args[0]).normalize(), Path.of(args[1]));
        for (String name : List.of(
                "README.md",
                "CONTRIBUTING.md",
                "CHANGELOG.md",
                "modscan-demo/src/main/resources/io/modscan/demo/PROVENANCE.md")) {
            guide.page(guide.root.resolve(name));
        }
        for (String name : List.of("LICENSE", "NOTICE")) {
            guide.copy(guide.root.resolve(name));
        }
        try (Stream<Path> files = Files.walk(guide.root.resolve("docs"))) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                if (file.startsWith(guide.root.resolve("docs/target"))
                        || file.startsWith(guide.root.resolve("docs/src"))) {
                    continue;
                }
                if (file.toString().endsWith(".md")) {
                    guide.page(file);
                } else if (file.toString().endsWith(".png")) {
                    guide.copy(file);
                }
            }
        }
        Files.writeString(
                guide.site.resolve("index.html"),
                "<!DOCTYPE html><meta charset=\"utf-8\"><title>modscan</title>"
                        + "<meta http-equiv=\"refresh\" content=\"0; url=README.html\"><a href=\"README.html\">modscan</a>\n");
    }

    private void page(Path markdown) throws IOException {
        Node document = PARSER.parse(Files.readString(markdown));
        StringBuilder title = new StringBuilder();
        document.accept(new AbstractVisitor() {
            @Override
            public void visit(Link link) {
                if (!link.getDestination().contains(":")) {
                    // Links lead from page to page here as there.
                    link.setDestination(link.getDestination().replaceFirst("\\.md(#.*)?$", ".html$1"));
                }
                visitChildren(link);
            }

            @Override
            public void visit(Heading heading) {
                if (title.isEmpty() && heading.getFirstChild() instanceof Text text) {
                    title.append(text.getLiteral());
                }
                visitChildren(heading);
            }
        });
        Path page = place(markdown);
        Path target = page.resolveSibling(String.valueOf(page.getFileName()).replaceFirst("md$", "html"));
        String up = "../".repeat(site.relativize(target).getNameCount() - 1);
        Files.writeString(target, PAGE.formatted(title, up, RENDERER.render(document)));
    }

    private void copy(Path file) throws IOException {
        Files.copy(file, place(file), StandardCopyOption.REPLACE_EXISTING);
    }

    private Path place(Path file) throws IOException {
        Path place = site.resolve(root.relativize(file));
        Files.createDirectories(place.resolveSibling(""));
        return place;
    }
}
