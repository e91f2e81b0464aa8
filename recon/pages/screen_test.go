package pages

import (
	"context"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestNothingSticksOut takes pictures of the pages and looks at their right edge: on a
// telephone and on a screen nothing may be wider than the window.
func TestNothingSticksOut(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium to take pictures with: make deps installs it")
	}
	dir := t.TempDir()
	pages := map[string]page{"import": importPageOf(fullImport(t)), "card": cardPageOf(longCard(t)), "trial": trialPageOf(fullTrial(t))}
	widths := []int{400, 1280}
	if testing.Short() {
		delete(pages, "import")
		delete(pages, "card")
		widths = widths[:1]
	}
	for name, p := range pages {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, []byte(render(t, p, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range widths {
			picture := filepath.Join(dir, name+strconv.Itoa(width)+".png")
			ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
			out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+filepath.Join(dir, "profile"),
				"--window-size="+strconv.Itoa(width)+",5000", "--screenshot="+picture, "file://"+file).CombinedOutput()
			stop()
			if err != nil {
				t.Fatalf("take a picture of %s: %v\n%s", name, err, out)
			}
			if y, c, found := sticksOut(t, picture); found {
				t.Errorf("%s at width %d: something sticks out at line %d (%v)", name, width, y, c)
			}
		}
	}
}

// sticksOut finds a line below the head whose last pixels are not the ground of the
// page.
func sticksOut(t *testing.T, picture string) (int, color.Color, bool) {
	t.Helper()
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	ground, night := color.RGBA{0xf3, 0xf4, 0xf1, 0xff}, color.RGBA{0x14, 0x23, 0x3c, 0xff}
	b, head := im.Bounds(), true
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Max.X - 3; x < b.Max.X; x++ {
			c := color.RGBAModel.Convert(im.At(x, y)).(color.RGBA)
			head = head && c == night
			if !head && c != ground {
				return y, c, true
			}
		}
	}
	return 0, nil, head
}
