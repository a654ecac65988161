"""The words that make a turn complex, or simple: one table, with the reason for each group.

Written for English speech as STT gives it: case, punctuation and apostrophes do not matter, and a
hyphen is a space. Phrases are whole words, separated by commas; the longest one that fits wins and
uses its words up, so that "check if" is no condition. Other languages are scored by length and
numbers alone.

Weights are log-odds, set by hand while looking at development sets only (see
`scripts/bench_router`); what is reported comes from sets that were not looked at.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Cues that speak for the same thing.

    Attributes:
        name: of the term in the score.
        says: for a person: what a turn with these cues does.
        weight: log-odds per cue found; negative for what makes a turn simple.
        most: cues beyond this many add nothing.
        why: the reason for the group.
        phrases: separated by commas.
    """

    name: str
    says: str
    weight: float
    most: int
    why: str
    phrases: str


GROUPS = (
    Group(
        name="comparison",
        says="compares options",
        weight=1.3,
        most=2,
        why="Both sides must be known and weighed; a small model tends to name one and stop.",
        phrases="""
        difference between, differences between, the difference, the differences, compare,
        compared, compares, comparing, comparison, versus, vs, better, best way, best method, best
        approach, better off, best practices, pros and cons, advantages, disadvantages, trade off,
        trade offs, tradeoff, tradeoffs, worth it, is it worth, or should i, or would it, or is it
        better, rather than, as opposed to, cheaper, makes more sense, make more sense, more
        sense, which of these, which of the two, which one is, in the long run, differ, outweigh
        """,
    ),
    Group(
        name="explanation",
        says="asks why or how",
        weight=0.8,
        most=2,
        why="Reasons take several true sentences in order; a lookup takes one.",
        phrases="""
        why, explain, explains, how come, how does, how do they, how would, how should, how could,
        how is it that, what causes, what caused, what happens if, what happens when, the reason,
        walk me through, talk me through, help me understand, i dont understand, make sense of,
        what does it mean, what does that mean, what would happen, implications, consequences, in
        detail, describe, meaning of, root cause, understand how, understand why
        """,
    ),
    Group(
        name="conditions",
        says="sets conditions",
        weight=0.6,
        most=3,
        why="The answer forks: each branch has to be followed and kept apart.",
        phrases="""
        if, unless, depends, depending, provided that, assuming, assume, suppose, in case,
        otherwise, except, even if, only if, what if, given that, as long as, in that case,
        regardless, but only, without losing, constraint, constraints
        """,
    ),
    Group(
        name="steps",
        says="has several steps",
        weight=0.8,
        most=2,
        why="A later step hangs on an earlier one, and none may be dropped.",
        phrases="""
        and then, after that, step by step, steps, secondly, thirdly, finally, followed by, one
        after the other, in order to, at the same time, as well as, in addition, on top of that,
        multiple, several, process, plan for, plan out
        """,
    ),
    Group(
        name="links",
        says="links several clauses",
        weight=0.25,
        most=4,
        why="Subordinate clauses: more is said about how things hang together.",
        phrases="""
        because, although, though, whereas, while, since, therefore, so that, but, however,
        instead, besides, such as, including, based on, according to, using, considering
        """,
    ),
    Group(
        name="exception",
        says="asks for an exception to a rule",
        weight=0.9,
        most=2,
        why="A rule has to be read against a case it was not written for; a wrong promise is dear.",
        phrases="""
        exception, exceptions, even though, policy says, your policy, the policy, waive, waived,
        past the deadline, after the deadline, outside the window, not eligible, eligible,
        eligibility, qualify, dispute, appeal, overrule, override, entitled, loophole, fine print,
        pre existing, preexisting, terms and conditions, grace period, retroactive, retroactively,
        prorated, penalty, breach
        """,
    ),
    Group(
        name="mathematics",
        says="needs mathematics",
        weight=1.2,
        most=3,
        why="Small models slip in arithmetic and proof, and sound sure when they do.",
        phrases="""
        calculate, calculates, calculating, calculation, calculations, compute, equation,
        equations, percent of, percentage, probability, probabilities, derivative, integral,
        theorem, prove, proof, square root, quadratic, polynomial, matrix, matrices, vector,
        algebra, geometry, trigonometry, logarithm, exponential, factorial, prime number, prime
        numbers, primes, divided by, multiplied by, to the power of, standard deviation, variance,
        confidence interval, regression, average of, ratio, compounded, compound interest,
        amortized, solve, formula, statistics, statistical, permutations, combinatorics, triangle,
        circle, radius, equals, greatest common divisor, rational, irrational, function of,
        variables, per year for, how long would it take, how much would i save, work out how much,
        figure out how much
        """,
    ),
    Group(
        name="code",
        says="is about programming",
        weight=1.6,
        most=2,
        why="One wrong character breaks it, and it has to be held in mind as a whole.",
        phrases="""
        python, javascript, typescript, java, kotlin, rust, golang, haskell, scala, perl, php,
        ruby, fortran, matlab, sql, mysql, postgres, database, databases, query, regex, regular
        expression, algorithm, algorithms, compiler, compile, api, apis, json, xml, yaml, html,
        css, csv, function, functions, code, codes, coding, script, scripts, program, programs,
        programming, recursion, recursive, loop, array, arrays, linked list, hash table, string,
        strings, pointer, segfault, stack trace, exception handling, runtime error, syntax error,
        type error, null pointer, git, docker, kubernetes, linux, unix, bash, shell, ubuntu,
        nginx, server, servers, backend, frontend, framework, react, django, flask, spring boot,
        nodejs, node js, pandas, numpy, pytorch, tensorflow, neural network, machine learning,
        deep learning, dataset, data set, dataframe, debug, debugging, unit test, unit tests,
        thread safe, multithreading, latency, http, https, ssh, tcp, sockets, deploy, deployment,
        repository, web app, excel, spreadsheet, macro, software, implementation, implement,
        parse, schema, plugin, shader, llm, chatbot, c sharp, c plus plus, smart contract, test
        cases, android, web page
        """,
    ),
    Group(
        name="medicine",
        says="is about health",
        weight=1.1,
        most=3,
        why="A plausible wrong answer can hurt somebody.",
        phrases="""
        symptom, symptoms, dosage, dose, doses, overdose, diagnosis, diagnosed, side effect, side
        effects, interact, interaction, interactions, medication, medications, medicine,
        milligrams, mg, ibuprofen, paracetamol, acetaminophen, aspirin, antibiotic, antibiotics,
        insulin, metformin, warfarin, lisinopril, statin, statins, blood thinner, blood thinners,
        blood pressure, blood sugar, pregnant, pregnancy, breastfeeding, chest pain, chest hurts,
        numb, numbness, shortness of breath, cant breathe, swollen, swelling, fever, rash, nausea,
        dizzy, dizziness, infection, allergic reaction, diabetes, diabetic, cancer, tumor, asthma,
        depression, anxiety, heart attack, stroke, surgery, mri, blood test, kidney, liver,
        thyroid, cholesterol, chronic, vaccine, withdrawal, migraine, seizure, clinical, medical,
        patient
        """,
    ),
    Group(
        name="law",
        says="is about law",
        weight=1.1,
        most=3,
        why="Rights and deadlines turn on details and on the place.",
        phrases="""
        legal, legally, illegal, lawsuit, sue, sued, suing, attorney, lawyer, court, judge,
        liable, liability, negligence, tenant, landlord, eviction, evict, lease agreement,
        custody, divorce, alimony, child support, prenup, probate, executor, contract, contracts,
        clause, clauses, non compete, noncompete, severance, wrongful, discrimination, statute,
        copyright, trademark, patent, immigration, green card, work permit, asylum, deportation,
        bankruptcy, settlement, power of attorney, gdpr, regulation, regulations, compliance,
        small claims, at fault, security deposit, my rights, constitutional, jurisdiction
        """,
    ),
    Group(
        name="finance",
        says="is about long-term money",
        weight=0.9,
        most=3,
        why="Years of money hang on several figures at once.",
        phrases="""
        mortgage, mortgages, refinance, refinancing, amortization, adjustable rate, fixed rate,
        year fixed, closing costs, home equity, heloc, equity, capital gains, tax bracket, deduct,
        deductible, deductibles, deductions, write off, inheritance, inherit, estate, trust fund,
        pension, annuity, ira, roth, 401, 401k, portfolio, invest, investing, investment,
        investments, stocks, bonds, dividends, index fund, index funds, etf, diversify, hedge,
        inflation, depreciation, net worth, retire, retirement, social security, consolidate,
        interest only, balloon payment, down payment, long term, life insurance, whole life, term
        life, copay, coinsurance, out of pocket, insurance premium, premiums, apr, revenue,
        forecast, valuation, cash flow, self employed, freelancer, lump sum
        """,
    ),
    Group(
        name="composition",
        says="asks for something to be written or designed",
        weight=1.0,
        most=3,
        why="A long answer with a plan of its own.",
        phrases="""
        write a, write an, write me, write me a, write me an, write some, write the, write for me,
        write about, rewrite, draft, essay, poem, short story, a story, story about, a song about,
        lyrics, speech for, cover letter, blog, article, outline, summarize, summarise, summary,
        synopsis, proposal, business plan, brainstorm, come up with, create a, create an, generate
        a, generate an, design a, design an, design me, design, build me, build a, develop a,
        craft, curriculum, essays, scenario, scene, dialogue, character, characters, fictional,
        style of, act as, imagine you, pretend, paragraph, paragraphs, report on, presentation,
        screenplay, literature, translate this
        """,
    ),
    Group(
        name="analysis",
        says="asks for judgement",
        weight=0.9,
        most=3,
        why="Something has to be weighed, not looked up.",
        phrases="""
        analyze, analyse, analysis, evaluate, evaluation, assess, assessment, critique, strategy,
        strategies, optimize, optimise, optimal, optimization, improve, improvement, architecture,
        approach, hypothesis, theory, theoretical, research, methodology, critically, argue,
        argument, arguments, ethical, ethics, philosophy, philosophical, economy, economic,
        economics, policy, climate change, quantum, physics, chemistry, molecular, genetic,
        evolution, efficient, efficiently, efficiency, impact of, effect of, effects of, role of,
        relationship between, example of, examples of, concept, concepts, model, models, in terms
        of, in depth, comprehensive, ideal, convince, negotiate, recommend a plan, what would you
        do, should i accept, should i take, realistic, feasible, likelihood, interpret, complex,
        complicated, technical, techniques, advice on, weigh
        """,
    ),
    Group(
        name="service",
        says="is an everyday request",
        weight=-0.6,
        most=2,
        why="Looked up, booked or switched in one step; what most calls are about.",
        phrases="""
        my order, wheres my, where is my, track, tracking number, order status, status of, opening
        hours, what time, open until, are you open, close today, my balance, account balance, my
        account, reset my, forgot my password, my password, my pin, my card, new card, phone
        number, address, cancel my, cancel the, cancel it, book a, book me, reserve, reservation,
        appointment, reschedule, a table, a ticket, tickets, a flight, a cab, a taxi, a hotel, a
        room, weather, timer, alarm, remind me, reminder, shopping list, play, song, volume, turn
        on, turn off, turn up, call me, text, send, transfer, top up, deliver, delivery, refund,
        return it, exchange rate, how much is, how much does, how much do, how long does, how
        many, when is, when does, when will, when can, where can, where do, how do i, speak to,
        talk to, speak with, talk with, manager, representative, human, operator, real person,
        supervisor, latte, coffee, pizza, near me, nearby, nearest, restaurant, for two, tomorrow,
        tonight, today, this weekend, spell, definition of, synonym, joke, flip a coin, roll a,
        invoice, receipt, bill, my subscription, upgrade my, lost my
        """,
    ),
)
"""Every term that is found by its words, in the order in which terms are listed."""
