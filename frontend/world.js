// The world as the reports' map draws it: each country's outline by its two letters, made once, at the build.
import { readFileSync } from 'node:fs'
import { geoNaturalEarth1, geoPath } from 'd3-geo'
import codes from 'i18n-iso-countries'
import { feature } from 'topojson-client'

const WIDTH = 960
const HEIGHT = 480
const ANTARCTICA = '010'

export function world() {
  const atlas = JSON.parse(readFileSync('node_modules/world-atlas/countries-110m.json', 'utf8'))
  const all = feature(atlas, atlas.objects.countries).features.filter((one) => one.id !== ANTARCTICA)
  const projection = geoNaturalEarth1().fitSize([WIDTH, HEIGHT], { type: 'FeatureCollection', features: all })
  const path = geoPath(projection).digits(0)
  // A few areas have no number of their own; they are drawn, and never coloured.
  const countries = all.map((one) => ({ code: codes.numericToAlpha2(one.id) ?? '', outline: path(one) }))
  return JSON.stringify({ width: WIDTH, height: HEIGHT, countries })
}
