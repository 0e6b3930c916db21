/** For each kind of condition a maker, which draws its value from what some resource holds. https://hl7.org/fhir/R4/search.html */
import type { Dice } from './dice.ts';
import {
  type Condition,
  type Drawn,
  draw,
  escaped,
  type Maker,
  NothingToDraw,
  ofType,
  pointers,
  pointingAt,
  quantityFits,
  someDate,
  someNumber,
  someQuantity,
  someText,
  someValue,
  stepFrom,
  type TokenForm,
  targetOf,
  tokenFits,
  tokenText,
} from './drawing.ts';
import { ledTo, localKey, prefixes, seen, type World } from './evaluate.ts';
import { filters } from './filters.ts';
import { parameters } from './parameters.ts';

const from = ({ type, code }: Drawn, value: string, modifier = ''): Condition => ({
  type,
  name: code + modifier,
  value,
});

const token =
  (form: TokenForm): Maker =>
  (roll, world, onType) => {
    const drawn = draw(
      roll,
      world,
      ['token'],
      ({ held, parameter }) => tokenFits(form, held, parameter.plain ?? false),
      onType,
    );
    return from(drawn, tokenText(form, drawn.held));
  };

const missing =
  (...kinds: Parameters<typeof draw>[2]): Maker =>
  (roll, world, onType) => {
    const drawn = draw(roll, world, kinds, ({ code }) => !code.startsWith('_'), onType);
    return from(drawn, roll.of(['true', 'false']), ':missing');
  };

const quantity =
  (prefix: string, form: 'plain' | 'unit' | 'coded'): Maker =>
  (roll, world, onType) => {
    const drawn = draw(roll, world, ['quantity'], ({ held }) => !held.comparator && quantityFits(form, held), onType);
    return from(drawn, prefix + someQuantity(roll, drawn.held, form));
  };

const reference =
  (write: (roll: Dice, world: World, drawn: Drawn) => [modifier: string, value: string]): Maker =>
  (roll, world, onType) => {
    const drawn = draw(roll, world, ['reference'], ({ held }) => localKey(world, held) !== undefined, onType);
    const [modifier, value] = write(roll, world, drawn);
    return from(drawn, value, modifier);
  };

const composite =
  (first: string, second: string): Maker =>
  (roll, world, onType) => {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const drawn = draw(
        roll,
        world,
        ['composite'],
        ({ parameter, held }) =>
          parameter.parts![0] === first && parameter.parts![1] === second && held[0].length > 0 && held[1].length > 0,
        onType,
      );
      const parts = drawn.parameter.parts!.map((kind, i) => someValue(roll, world, kind, roll.of(drawn.held[i])));
      if (parts[0] !== undefined && parts[1] !== undefined) return from(drawn, parts.join('$'));
    }
    throw new NothingToDraw();
  };

const near: Maker = (roll, world) => {
  const { latitude, longitude } = roll.of(ofType(world, 'Location').filter((one) => one.position)).position;
  const value = [latitude + 0.003, longitude - 0.002, roll.of([1.3, 7.7, 23.3, 61.1, 203.7]), 'km'].map(String);
  return { type: 'Location', name: 'near', value: value.join('|') };
};

/** In a small world some conditions cannot be met: whoever draws them looks for another. */
const MOST_TRIES = 200;

/** A condition that the resource fulfils itself, most of the time. */
function about(roll: Dice, world: World, resource: any): { name: string; value: string } | undefined {
  const known = parameters[resource.resourceType]!;
  for (let tries = 0; tries < 20; tries++) {
    const code = roll.of(Object.keys(known).filter((one) => !one.startsWith('_') && known[one]!.kind !== 'composite'));
    const values = known[code]!.get(resource);
    if (values.length === 0) continue;
    const value = someValue(roll, world, known[code]!.kind, roll.of(values), known[code]!.plain);
    if (value !== undefined) return { name: code, value };
  }
  return undefined;
}

const chain =
  (steps: number, typed: boolean, kinds = pointers): Maker =>
  (roll, world, onType) => {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const start = draw(roll, world, kinds, (one) => targetOf(world, one) !== undefined, onType);
      let [path, at] = [start.code, targetOf(world, start)];
      path += typed || start.parameter.targets!.length !== 1 ? `:${at.resourceType}` : '';
      for (let step = 1; step < steps && at !== undefined; step++) {
        const next = stepFrom(roll, world, at);
        if (next !== undefined) path += `.${next.code}:${next.to.resourceType}`;
        at = next?.to;
      }
      const last = at && about(roll, world, at);
      if (last !== undefined) return { type: start.type, name: `${path}.${last.name}`, value: last.value };
    }
    throw new NothingToDraw();
  };

/** Into the first resource of a Bundle. */
const chainInside: Maker = (roll, world) => {
  const letters = ofType(world, 'Bundle').filter((one) => parameters['Bundle']!['composition']!.get(one).length > 0);
  if (letters.length === 0) throw new NothingToDraw();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const last = about(roll, world, roll.of(letters).entry[0].resource);
    if (last === undefined) continue;
    return { type: 'Bundle', name: `composition${roll.of(['', ':Composition'])}.${last.name}`, value: last.value };
  }
  throw new NothingToDraw();
};

/** Without a type, where the parameter behind the point belongs to several target types. */
const untyped: Maker = (roll, world, onType) => {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const start = draw(
      roll,
      world,
      pointers,
      (one) => targetOf(world, one) !== undefined && one.parameter.targets!.length > 0,
      onType,
    );
    const last = about(roll, world, targetOf(world, start));
    if (last !== undefined) return { type: start.type, name: `${start.code}.${last.name}`, value: last.value };
  }
  throw new NothingToDraw();
};

const has =
  (
    inner: (roll: Dice, world: World, source: any) => { name: string; value: string } | undefined,
    kinds = pointers,
  ): Maker =>
  (roll, world) => {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { source, code, target } = pointingAt(roll, world, kinds);
      const last = inner(roll, world, source);
      if (last === undefined) continue;
      const name = `_has:${source.resourceType}:${code}:${last.name}`;
      return { type: target.resourceType, name, value: last.value };
    }
    throw new NothingToDraw();
  };

/** `_has` of what points at the one that points here. */
const nested = (roll: Dice, world: World, target: any): { name: string; value: string } | undefined => {
  for (let tries = 0; tries < 200; tries++) {
    const { source, code, target: other } = pointingAt(roll, world);
    if (other !== target) continue;
    const last = about(roll, world, source);
    if (last !== undefined) return { name: `_has:${source.resourceType}:${code}:${last.name}`, value: last.value };
  }
  return undefined;
};

const chainedFrom = (roll: Dice, world: World, source: any): { name: string; value: string } | undefined => {
  const step = stepFrom(roll, world, source);
  const last = step && about(roll, world, step.to);
  return last && { name: `${step.code}:${step.to.resourceType}.${last.name}`, value: last.value };
};

const onlyNamed =
  (code: string, write: (roll: Dice, drawn: Drawn) => string, modifier = ''): Maker =>
  (roll, world, onType) => {
    const kind = parameters['Patient']![code]!.kind;
    const drawn = draw(roll, world, [kind], (one) => one.code === code, onType);
    return from(drawn, write(roll, drawn), modifier);
  };

const wordOf = (roll: Dice, text: string): string => roll.of(seen(text).match(/[\p{L}\p{N}]{2,}/gu) ?? ['nothing']);

const text: Maker = (roll, world) => {
  const resource = roll.of(world.resources.filter((one) => one.text !== undefined));
  const words = [wordOf(roll, resource.text.div), ...(roll.chance(0.3) ? [wordOf(roll, resource.text.div)] : [])];
  return { type: resource.resourceType, name: '_text', value: words.join(' ') };
};

const textExpression: Maker = (roll, world) => {
  const narratives = world.resources.filter((one) => one.text !== undefined);
  const resource = roll.of(narratives);
  const [here, other, another] = [resource, roll.of(narratives), roll.of(narratives)].map((one) =>
    wordOf(roll, one.text.div),
  );
  const forms = [
    `(${other} or ${here}) AND ${here}`,
    `${here} and not (${other} ${another})`,
    `${other} ${another} OR ${here}`,
    `not ${other}`,
  ];
  return { type: resource.resourceType, name: '_text', value: roll.of(forms) };
};

const content: Maker = (roll, world, onType) => {
  const { type, held } = draw(roll, world, ['string'], ({ held }) => /[\p{L}\p{N}]{2}/u.test(held), onType);
  return { type, name: '_content', value: someText(roll, wordOf(roll, held)).length > 1 ? wordOf(roll, held) : held };
};

const listed: Maker = (roll, world) => {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const all = roll.of(ofType(world, 'List'));
    const [item] = ledTo(world, roll.of(all.entry as any[]).item);
    if (item !== undefined) return { type: item.resourceType, name: '_list', value: all.id };
  }
  throw new NothingToDraw();
};

const dated =
  (prefix: string): Maker =>
  (roll, world, onType) => {
    const drawn = draw(roll, world, ['date'], ({ code }) => code !== '_lastUpdated', onType);
    return from(drawn, prefix + someDate(roll, drawn.held));
  };
const numbered =
  (prefix: string): Maker =>
  (roll, world) => {
    const drawn = draw(roll, world, ['number'], undefined, 'RiskAssessment');
    return from(drawn, prefix + someNumber(roll, drawn.held));
  };

/** Every kind of condition by its name. */
export const makers: Readonly<Record<string, Maker>> = {
  string: (roll, world, onType) => {
    const drawn = draw(roll, world, ['string'], undefined, onType);
    return from(drawn, escaped(someText(roll, drawn.held)));
  },
  'string :exact': (roll, world, onType) => {
    const drawn = draw(roll, world, ['string'], undefined, onType);
    return from(drawn, escaped(roll.chance(0.75) ? drawn.held : someText(roll, drawn.held)), ':exact');
  },
  'string :contains': (roll, world, onType) => {
    const drawn = draw(roll, world, ['string'], undefined, onType);
    return from(drawn, escaped(someText(roll, drawn.held, true)), ':contains');
  },
  'string :missing': missing('string'),
  'token code': token('code'),
  'token system|code': token('system|code'),
  'token |code': token('|code'),
  'token system|': token('system|'),
  'token :not': (roll, world, onType) => {
    const { type, name, value } = token(roll.of(['code', 'system|code'] as const))(roll, world, onType);
    return { type, name: `${name}:not`, value };
  },
  'token :text': (roll, world, onType) => {
    const drawn = draw(roll, world, ['token'], ({ held }) => held.texts.length > 0, onType);
    return from(drawn, escaped(someText(roll, roll.of(drawn.held.texts))), ':text');
  },
  'token :of-type': (roll, world, onType) => {
    const drawn = draw(roll, world, ['token'], ({ held }) => held.types.length > 0, onType);
    const { system, code } = drawn.held.types[0];
    return from(drawn, [system, code, drawn.held.code].map(escaped).join('|'), ':of-type');
  },
  'token :missing': missing('token'),
  'reference id': (roll, world, onType) => {
    const drawn = draw(
      roll,
      world,
      ['reference'],
      ({ held, parameter }) => localKey(world, held) !== undefined && parameter.targets!.length > 0,
      onType,
    );
    return from(drawn, localKey(world, drawn.held)!.split('/')[1]!);
  },
  'reference Type/id': reference((_roll, world, { held }) => ['', localKey(world, held)!]),
  'reference absolute': (roll, world, onType) => {
    const drawn = draw(roll, world, ['reference'], ({ held }) => held.reference !== undefined, onType);
    const key = localKey(world, drawn.held);
    return from(drawn, key === undefined ? drawn.held.reference : `${world.base}/${key}`);
  },
  'reference version': (roll, world, onType) => {
    const drawn = draw(roll, world, ['reference'], ({ held }) => held.reference?.includes('/_history/'), onType);
    const { reference: literal } = drawn.held;
    const absolute = literal.startsWith('http') ? literal : `${world.base}/${literal}`;
    return from(drawn, roll.of([literal, literal, absolute, `${literal}1`]));
  },
  'reference :Type': reference((_roll, world, { held }) => {
    const [type, id] = localKey(world, held)!.split('/');
    return [`:${type}`, id!];
  }),
  'reference :identifier': (roll, world, onType) => {
    const drawn = draw(roll, world, ['reference'], ({ held }) => held.identifier !== undefined, onType);
    const { system, value } = drawn.held.identifier;
    const forms = system === undefined ? [value, `|${value}`] : [value, `${system}|${value}`];
    return from(drawn, roll.of(forms), ':identifier');
  },
  'reference :missing': missing('reference'),
  date: dated(''),
  ...Object.fromEntries(prefixes.map((prefix) => [`date ${prefix}`, dated(prefix)])),
  'date :missing': missing('date'),
  number: numbered(''),
  ...Object.fromEntries(prefixes.map((prefix) => [`number ${prefix}`, numbered(prefix)])),
  'number :missing': (roll, world) => missing('number')(roll, world, 'RiskAssessment'),
  ...Object.fromEntries(
    (['plain', 'unit', 'coded'] as const).flatMap((form) =>
      ['', ...prefixes].map((prefix) => [`quantity ${form} ${prefix}`.trim(), quantity(prefix, form)]),
    ),
  ),
  'quantity :missing': missing('quantity'),
  uri: (roll, world, onType) => {
    const drawn = draw(roll, world, ['uri'], undefined, onType);
    return from(drawn, escaped(drawn.held));
  },
  'uri :above': (roll, world, onType) => {
    const drawn = draw(roll, world, ['uri'], undefined, onType);
    return from(drawn, escaped(drawn.held.split('|')[0] + roll.of(['', '/v1', '/v1/2'])), ':above');
  },
  'uri :below': (roll, world, onType) => {
    const drawn = draw(roll, world, ['uri'], undefined, onType);
    const parts = drawn.held.split('|')[0].split('/');
    return from(drawn, escaped(parts.slice(0, Math.max(3, parts.length - roll.below(3))).join('/')), ':below');
  },
  'uri :missing': (roll, world) => missing('uri')(roll, world, 'ValueSet'),
  'composite token-quantity': composite('token', 'quantity'),
  'composite token-token': composite('token', 'token'),
  'composite token-string': composite('token', 'string'),
  'composite token-date': composite('token', 'date'),
  near,
  'chain :Type': chain(1, true),
  'chain untyped': untyped,
  'chain 2 steps': chain(2, true),
  'chain 3 steps': chain(3, true),
  canonical: (roll, world, onType) => {
    const drawn = draw(roll, world, ['canonical'], undefined, onType);
    return from(drawn, roll.of([drawn.held, drawn.held.split('|')[0]]));
  },
  'canonical :missing': missing('canonical'),
  'chain inside': chainInside,
  'chain canonical': chain(1, true, ['canonical']),
  'chain canonical 2 steps': chain(2, true, ['canonical']),
  '_has canonical': has((roll, world, source) => about(roll, world, source), ['canonical']),
  _has: has((roll, world, source) => about(roll, world, source)),
  '_has nested': has(nested),
  '_has chain': has(chainedFrom),
  _id: (roll, world, onType) => {
    const { type, resource } = draw(roll, world, ['token'], undefined, onType);
    return {
      type,
      name: '_id',
      value: roll.chance(0.5) ? resource.id : `${resource.id},${roll.of(ofType(world, type)).id},nobody`,
    };
  },
  ...Object.fromEntries(
    ['', ...prefixes.filter((prefix) => prefix !== 'ap')].map((prefix) => [
      `_lastUpdated ${prefix}`.trim(),
      onlyNamed(
        '_lastUpdated',
        (roll, { held, resource }) => prefix + (roll.chance(0.7) ? resource.meta.lastUpdated : someDate(roll, held)),
      ),
    ]),
  ),
  _tag: onlyNamed('_tag', (roll, { held }) =>
    tokenText(
      held.system ? roll.of(['code', 'system|code', 'system|'] as const) : roll.of(['code', '|code'] as const),
      held,
    ),
  ),
  '_tag :not': onlyNamed('_tag', (_roll, { held }) => escaped(held.code), ':not'),
  _profile: onlyNamed('_profile', (roll, { held }) => escaped(roll.of([held, held.split('|')[0]]))),
  _security: onlyNamed('_security', (_roll, { held }) => tokenText('system|code', held)),
  _source: onlyNamed('_source', (_roll, { held }) => escaped(held)),
  '_source :below': onlyNamed('_source', (_roll, { held }) => escaped(held.split('/').slice(0, 4).join('/')), ':below'),
  _text: text,
  '_text expression': textExpression,
  _content: content,
  _list: listed,
  ...filters,
};
