//! The rows as bars: a hand-written SVG without script, for light and dark pages.

use std::fmt::Write as _;

use crate::Row;

const LABELS: f64 = 440.0;
const BARS: f64 = 420.0;
const LINE: f64 = 22.0;
const TOP: f64 = 64.0;

/// From 1/4 to 8 unless a row lies outside; each step doubles, so twice as fast and twice as slow look alike.
pub fn svg(rows: &[Row]) -> String {
    let logarithms = || rows.iter().flat_map(|row| [row.ratio.0.log2(), row.ratio.2.log2()]);
    let least = logarithms().fold(-2.0_f64, f64::min).floor();
    let most = logarithms().fold(3.0_f64, f64::max).ceil();
    let x = |ratio: f64| LABELS + (ratio.log2() - least) / (most - least) * BARS;
    let bottom = TOP + LINE * rows.len() as f64;
    let (width, height) = (LABELS + BARS + 60.0, bottom + 20.0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">Time of the peer over the time of longhand, for {} tasks; PERFORMANCE.md has the numbers as a table</title>
<style>
  text {{ font: 12px system-ui, sans-serif; fill: #1f2328 }}
  .page {{ fill: #ffffff }} .grid {{ stroke: #d1d9e0 }} .one {{ stroke: #1f2328; stroke-width: 1.5 }}
  .faster {{ fill: #2da44e }} .level {{ fill: #818b98 }} .slower {{ fill: #d4762c }} .quartiles {{ stroke: #1f2328 }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #f0f6fc }} .page {{ fill: #0d1117 }} .grid {{ stroke: #3d444d }} .one, .quartiles {{ stroke: #f0f6fc }}
  }}
</style>
<rect class="page" width="{width}" height="{height}"/>
<text x="12" y="22" font-weight="bold">Peer's time over longhand's: right of 1 longhand is faster, left of it slower</text>
"#,
        rows.len()
    );
    for step in least as i32..=most as i32 {
        let ratio = f64::from(step).exp2();
        let label = if step < 0 { format!("1/{}", 1 << -step) } else { format!("{ratio}") };
        let (x, class) = (x(ratio), if step == 0 { "one" } else { "grid" });
        let _ = writeln!(
            svg,
            r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{:.1}" y2="{bottom:.1}"/>"#,
            TOP - 6.0
        );
        let _ =
            writeln!(svg, r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#, TOP - 12.0);
    }
    for (place, row) in rows.iter().enumerate() {
        let y = TOP + LINE * place as f64;
        let middle = y + LINE / 2.0;
        let (one, end) = (x(1.0), x(row.ratio.1));
        let (left, right) = (one.min(end), one.max(end));
        let class = row.verdict();
        let (what, peer) = (&row.what, row.peer);
        let _ = writeln!(
            svg,
            r#"<text x="12" y="{:.1}">{what} <tspan opacity="0.65">/ {peer}</tspan></text>"#,
            middle + 4.0
        );
        let _ = writeln!(
            svg,
            r#"<rect class="{class}" x="{left:.1}" y="{:.1}" width="{:.1}" height="12"/>"#,
            middle - 6.0,
            (right - left).max(1.0)
        );
        let (from, to) = (x(row.ratio.0), x(row.ratio.2));
        let _ = writeln!(
            svg,
            r#"<line class="quartiles" x1="{from:.1}" x2="{to:.1}" y1="{middle:.1}" y2="{middle:.1}"/>"#
        );
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}">{:.2}</text>"#,
            right.max(to) + 6.0,
            middle + 4.0,
            row.ratio.1
        );
    }
    svg.push_str("</svg>\n");
    svg
}
