"""Write what is generated: make pages."""

from local.pages.contents import generated

if __name__ == "__main__":
    for path, content in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
            print(f"written: {path.name}")
